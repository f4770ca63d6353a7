using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Nova.LoadTest.Generator;

/// <summary>The owner of a file descriptor that the loop polls.</summary>
internal interface IPollable
{
    /// <param name="events">The <c>EPOLL…</c> bits that are set.</param>
    void OnReady(int events);
}

/// <summary>A timer of the loop. <see cref="Fire"/> moves <see cref="DueAt"/> to the next time.</summary>
internal interface ITicker
{
    /// <summary>The next time to fire, on <see cref="EventLoop.Now"/>'s clock; <see cref="long.MaxValue"/> means never.</summary>
    long DueAt { get; }

    void Fire(long now);
}

/// <summary>
/// A single-threaded epoll loop. It checks the timers after every descriptor, so a burst of arrivals delays a publication by one read at
/// most. Latency is measured from the publication's intended time, so such a delay is part of it.
/// </summary>
internal sealed unsafe class EventLoop : IDisposable
{
    public const long Second = 1_000_000_000;
    public const long Millisecond = 1_000_000;

    /// <summary>An idle loop wakes this often to check for Ctrl+C and for the condition that a run waits for.</summary>
    private const long MaxSleep = 100 * Millisecond;

    /// <summary>
    /// The loop polls for this long (50 µs) after an arrival before it sleeps. A sender wakes a sleeping reader, and in a virtual machine the
    /// wake-up costs the sender as much as the send. The measured system would pay for viewers on its own machine, and a slow system would pay
    /// most, because its viewers sleep most often.
    /// </summary>
    private const long PollAfterArrival = 50_000;

    private const int Batch = 512;
    private const int EpollAdd = 1;
    private const int EpollDelete = 2;
    private const int EpollModify = 3;
    private const int ClockMonotonic = 1;
    private const int AbsoluteTime = 1;

    // struct epoll_event is packed on x86-64 only.
    private static readonly int EventSize = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static readonly int DataOffset = EventSize - 8;

    private readonly int _epoll = Linux.epoll_create1(0);
    private readonly int _timer = Linux.timerfd_create(ClockMonotonic, 0);
    private readonly byte* _events = (byte*)NativeMemory.AllocZeroed((nuint)(Batch * 16));
    private readonly List<ITicker> _tickers = [];
    private readonly CancellationToken _cancellation;
    private IPollable?[] _pollables = new IPollable?[1024];
    private long _armedFor;
    private long _arrivedAt;

    public EventLoop(CancellationToken cancellation)
    {
        _cancellation = cancellation;
        if (_epoll < 0 || _timer < 0)
        {
            throw Linux.LastError("epoll_create1 or timerfd_create");
        }

        Control(EpollAdd, _timer, Linux.EpollIn);
    }

    /// <summary>The monotonic clock in nanoseconds.</summary>
    public static long Now => Stopwatch.GetTimestamp();

    /// <summary>Nanoseconds that the process's loops spent polling without an arrival: CPU time in which the generator was free.</summary>
    public static long IdlePollTime { get; private set; }

    public void Watch(int fd, IPollable pollable, int events)
    {
        if (fd >= _pollables.Length)
        {
            Array.Resize(ref _pollables, Math.Max(fd + 1, _pollables.Length * 2));
        }

        _pollables[fd] = pollable;
        Control(EpollAdd, fd, events);
    }

    public void Modify(int fd, int events) => Control(EpollModify, fd, events);

    public void Unwatch(int fd)
    {
        Control(EpollDelete, fd, 0);
        _pollables[fd] = null;
    }

    public void AddTicker(ITicker ticker) => _tickers.Add(ticker);

    public void RemoveTicker(ITicker ticker) => _tickers.Remove(ticker);

    public void RunFor(TimeSpan time) => RunUntil(static () => false, time);

    /// <summary>Runs until <paramref name="done"/> returns true; the loop calls it after each batch of arrivals.</summary>
    /// <returns>False if <paramref name="limit"/> passed first.</returns>
    public bool RunUntil(Func<bool> done, TimeSpan limit)
    {
        var end = Now + (long)limit.TotalNanoseconds;
        Linux.RaisePriority(true);
        try
        {
            while (!done())
            {
                _cancellation.ThrowIfCancellationRequested();
                var next = FireDue(Now);
                if (Now >= end)
                {
                    return done();
                }

                Arm(Math.Min(next, end));
                Dispatch(WaitForArrivals());
            }

            return true;
        }
        finally
        {
            Linux.RaisePriority(false); // Child processes would inherit the priority.
        }
    }

    public void Dispose()
    {
        Linux.close(_timer);
        Linux.close(_epoll);
        NativeMemory.Free(_events);
    }

    private int WaitForArrivals()
    {
        var since = Now;
        while (true)
        {
            var count = Linux.epoll_wait(_epoll, _events, Batch, 0);
            if (count != 0)
            {
                return count;
            }

            var now = Now;
            IdlePollTime += now - since;
            since = now;
            if (now - _arrivedAt >= PollAfterArrival)
            {
                return Linux.epoll_wait(_epoll, _events, Batch, -1);
            }
        }
    }

    private void Dispatch(int count)
    {
        var next = NextDue();
        for (var i = 0; i < count; i++)
        {
            var entry = new ReadOnlySpan<byte>(_events + (i * EventSize), EventSize);
            var fd = BinaryPrimitives.ReadInt32LittleEndian(entry[DataOffset..]);
            if (fd == _timer)
            {
                _armedFor = 0; // The timer has fired; its descriptor stays readable until Arm sets it again.
            }
            else
            {
                _pollables[fd]?.OnReady(BinaryPrimitives.ReadInt32LittleEndian(entry));
                _arrivedAt = Now;
            }

            if (Now >= next)
            {
                next = FireDue(Now);
            }
        }
    }

    private long FireDue(long now)
    {
        for (var i = _tickers.Count - 1; i >= 0; i--) // Backwards, because a ticker may remove itself.
        {
            if (_tickers[i].DueAt <= now)
            {
                _tickers[i].Fire(now);
            }
        }

        return NextDue();
    }

    private long NextDue()
    {
        var next = long.MaxValue;
        foreach (var ticker in _tickers)
        {
            next = Math.Min(next, ticker.DueAt);
        }

        return next;
    }

    /// <summary>Sets the timer only if it would fire too late: in a virtual machine, setting it costs more than reading a frame.</summary>
    private void Arm(long at)
    {
        if (_armedFor != 0 && _armedFor <= at)
        {
            return;
        }

        _armedFor = Math.Min(at, Now + MaxSleep);
        var spec = new Linux.TimerSpec { Seconds = _armedFor / Second, Nanoseconds = _armedFor % Second };
        Linux.timerfd_settime(_timer, AbsoluteTime, &spec, null);
    }

    private void Control(int operation, int fd, int events)
    {
        var change = stackalloc byte[16];
        var entry = new Span<byte>(change, 16);
        BinaryPrimitives.WriteInt32LittleEndian(entry, events);
        BinaryPrimitives.WriteInt64LittleEndian(entry[DataOffset..], fd);
        if (Linux.epoll_ctl(_epoll, operation, fd, change) != 0)
        {
            throw Linux.LastError("epoll_ctl");
        }
    }
}
