using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Nova.LoadTest.Generator;

/// <summary>
/// The generator's system calls, without a wrapper: a <c>Socket</c> per viewer costs several times what the measured server spends on that
/// viewer, and the generator must stay cheaper than the system it measures.
/// </summary>
internal static unsafe partial class Linux
{
    private const int PrioProcess = 0;
    private const int RaisedNice = -15;

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

    /// <returns>A non-blocking TCP socket; -1 with the error in errno.</returns>
    public static int TcpSocket() => socket(AfInet, SockStream | SockNonBlock | SockCloseOnExec, 0);

    public static void SetNoDelay(int fd) => SetOption(fd, SolTcp, TcpNoDelay, 1);

    /// <summary>Call it before connecting: the TCP handshake fixes the window scale.</summary>
    public static void SetReceiveBuffer(int fd, int bytes) => SetOption(fd, SolSocket, SoReceiveBuffer, bytes);

    /// <summary>Binds to 127.0.0.<paramref name="lastByte"/> and lets connect() choose the port, which it can reuse per destination.</summary>
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

    /// <summary>The result of a connect that was in progress; 0 means success.</summary>
    public static int SocketError(int fd)
    {
        int error = 0, length = sizeof(int);
        return getsockopt(fd, SolSocket, SoError, &error, &length) == 0 ? error : Marshal.GetLastPInvokeError();
    }

    /// <summary>Bytes in the socket's receive queue.</summary>
    public static int UnreadBytes(int fd)
    {
        var bytes = 0;
        return ioctl(fd, FioNRead, &bytes) == 0 ? bytes : 0;
    }

    /// <summary>Raises the open-file limit of this process and of its future children as far as permitted.</summary>
    /// <returns>The limit now.</returns>
    public static long RaiseFileLimit()
    {
        var most = ulong.Parse(File.ReadAllText("/proc/sys/fs/nr_open").Trim(), System.Globalization.CultureInfo.InvariantCulture);
        var limit = new Limit { Soft = most, Hard = most };
        if (setrlimit(RLimitNoFile, &limit) != 0) // Raising the hard limit requires CAP_SYS_RESOURCE.
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
    /// Raises the priority of the calling thread. Real viewers have machines of their own; here they share a core with the services behind the
    /// gateways, which must not delay their reads. Without the permission to raise it, the priority stays as it is.
    /// </summary>
    public static void RaisePriority(bool raised) => _ = setpriority(PrioProcess, 0, raised ? RaisedNice : 0);

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

    /// <summary>struct itimerspec: a one-shot time on the monotonic clock, which <c>Stopwatch</c> uses too.</summary>
    public struct TimerSpec
    {
        public long IntervalSeconds, IntervalNanoseconds, Seconds, Nanoseconds;
    }

    private struct Limit
    {
        public ulong Soft, Hard;
    }

    /// <summary>struct sockaddr_in: port and address are big-endian.</summary>
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
