using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Nova.LoadTest.Generator;

/// <summary>
/// The system calls of the generator, as they are: a <c>Socket</c> per viewer costs several times what the measured server spends on it, and
/// the generator must stay cheaper than what it measures.
/// </summary>
internal static unsafe partial class Linux
{
    private const int PriorityOfThread = 0;
    private const int PreferredNice = -15;

    public const int EpollIn = 0x1;
    public const int EpollOut = 0x4;
    public const int EpollErr = 0x8;
    public const int EpollHup = 0x10;

    public const int EAgain = 11;
    public const int EInProgress = 115;

    private const string C = "libc";
    private const int AfInet = 2;
    private const int SockStream = 1;
    private const int SockNonBlock = 0x800;
    private const int SockCloseOnExec = 0x80000;
    private const int SolIp = 0;
    private const int SolSocket = 1;
    private const int SolTcp = 6;
    private const int SoError = 4;
    private const int SoReceiveBuffer = 8;
    private const int TcpNoDelay = 1;
    private const int IpBindAddressNoPort = 24;
    private const int RLimitNoFile = 7;
    private const nuint FioNRead = 0x541B;

    /// <returns>A non-blocking TCP socket; -1 with the reason in errno.</returns>
    public static int TcpSocket() => socket(AfInet, SockStream | SockNonBlock | SockCloseOnExec, 0);

    public static void SetNoDelay(int fd) => SetOption(fd, SolTcp, TcpNoDelay, 1);

    /// <summary>Before connecting only: the window a peer may fill is agreed on in the handshake.</summary>
    public static void SetReceiveBuffer(int fd, int bytes) => SetOption(fd, SolSocket, SoReceiveBuffer, bytes);

    /// <summary>Binds to 127.0.0.<paramref name="lastByte"/>, and leaves the port to connect(), which may reuse one per destination.</summary>
    public static int BindLoopback(int fd, byte lastByte)
    {
        SetOption(fd, SolIp, IpBindAddressNoPort, 1);
        var address = SocketAddress.Loopback(lastByte, 0);
        return bind(fd, &address, sizeof(SocketAddress));
    }

    public static int ConnectLoopback(int fd, int port)
    {
        var address = SocketAddress.Loopback(1, port);
        return connect(fd, &address, sizeof(SocketAddress));
    }

    /// <summary>How a connect that was in progress ended; 0 is success.</summary>
    public static int SocketError(int fd)
    {
        int error = 0, length = sizeof(int);
        return getsockopt(fd, SolSocket, SoError, &error, &length) == 0 ? error : Marshal.GetLastPInvokeError();
    }

    /// <summary>Bytes that have arrived on this machine's side of the socket and were not read.</summary>
    public static int Unread(int fd)
    {
        var bytes = 0;
        return ioctl(fd, FioNRead, &bytes) == 0 ? bytes : 0;
    }

    /// <summary>Raises the limit of open files of this process and of those it starts as far as it may; returns it.</summary>
    public static long RaiseFileLimit()
    {
        var most = ulong.Parse(File.ReadAllText("/proc/sys/fs/nr_open").Trim(), System.Globalization.CultureInfo.InvariantCulture);
        var limit = new Limit { Soft = most, Hard = most };
        if (setrlimit(RLimitNoFile, &limit) != 0) // Raising the hard limit takes CAP_SYS_RESOURCE.
        {
            getrlimit(RLimitNoFile, &limit);
            limit.Soft = limit.Hard;
            setrlimit(RLimitNoFile, &limit);
        }

        return (long)limit.Soft;
    }

    public static Win32Exception LastError(string call) =>
        new(Marshal.GetLastPInvokeError(), $"{call}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");

    [LibraryImport(C, SetLastError = true)]
    public static partial nint read(int fd, byte* buffer, nuint count);

    [LibraryImport(C, SetLastError = true)]
    public static partial nint write(int fd, byte* buffer, nuint count);

    [LibraryImport(C, SetLastError = true)]
    public static partial int close(int fd);

    [LibraryImport(C, SetLastError = true)]
    public static partial int kill(int pid, int signal);

    [LibraryImport(C, SetLastError = true)]
    public static partial int epoll_create1(int flags);

    [LibraryImport(C, SetLastError = true)]
    public static partial int epoll_ctl(int epoll, int operation, int fd, byte* change);

    [LibraryImport(C, SetLastError = true)]
    public static partial int epoll_wait(int epoll, byte* events, int maximum, int timeoutMs);

    [LibraryImport(C, SetLastError = true)]
    public static partial int timerfd_create(int clock, int flags);

    [LibraryImport(C, SetLastError = true)]
    public static partial int timerfd_settime(int fd, int flags, TimerSpec* value, TimerSpec* old);

    [LibraryImport(C, SetLastError = true)]
    public static partial int sched_setaffinity(int thread, nuint size, ulong* mask);

    /// <summary>
    /// Lets the calling thread be run before what else wants its core: viewers have machines of their own, and what is behind the gateways,
    /// which has this core too, must not make them read late. Without the right to do so nothing changes.
    /// </summary>
    public static void Prefer(bool preferred) => _ = setpriority(PriorityOfThread, 0, preferred ? PreferredNice : 0);

    private static void SetOption(int fd, int level, int name, int value) => setsockopt(fd, level, name, &value, sizeof(int));

    [LibraryImport(C, SetLastError = true)]
    private static partial int setpriority(int which, int who, int nice);

    [LibraryImport(C, SetLastError = true)]
    private static partial int socket(int domain, int type, int protocol);

    [LibraryImport(C, SetLastError = true)]
    private static partial int bind(int fd, SocketAddress* address, int length);

    [LibraryImport(C, SetLastError = true)]
    private static partial int connect(int fd, SocketAddress* address, int length);

    [LibraryImport(C, SetLastError = true)]
    private static partial int setsockopt(int fd, int level, int name, int* value, int length);

    [LibraryImport(C, SetLastError = true)]
    private static partial int getsockopt(int fd, int level, int name, int* value, int* length);

    [LibraryImport(C, SetLastError = true)]
    private static partial int ioctl(int fd, nuint request, int* value);

    [LibraryImport(C, SetLastError = true)]
    private static partial int setrlimit(int resource, Limit* limit);

    [LibraryImport(C, SetLastError = true)]
    private static partial int getrlimit(int resource, Limit* limit);

    /// <summary>A one-shot time on the monotonic clock, which is also <c>Stopwatch</c>'s.</summary>
    public struct TimerSpec
    {
        public long IntervalSeconds, IntervalNanoseconds, Seconds, Nanoseconds;
    }

    private struct Limit
    {
        public ulong Soft, Hard;
    }

    /// <summary>sockaddr_in: port and address are big-endian.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct SocketAddress
    {
        public ushort Family;
        public byte PortHigh, PortLow;
        public byte A, B, C, D;
        public long Zero;

        public static SocketAddress Loopback(byte lastByte, int port) =>
            new() { Family = AfInet, PortHigh = (byte)(port >> 8), PortLow = (byte)port, A = 127, D = lastByte };
    }
}
