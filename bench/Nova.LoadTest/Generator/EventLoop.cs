using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Nova.LoadTest.Generator;

/// <summary>Something with a descriptor that the loop wakes.</summary>
internal interface IPollable
{
    /// <param name="events">The <c>EPOLL…</c> bits that are set.</param>
    void OnReady(int events);
}

/// <summary>Something that happens at a planned time. <see cref="DueAt"/> moves on when it fires.</summary>
internal interface ITicker
{
    /// <summary>In <see cref="EventLoop.Now"/>'s nanoseconds; <see cref="long.MaxValue"/> is never.</summary>
    long DueAt { get; }

    void Fire(long now);
}

/// <summary>
/// One thread's epoll. What is due is looked for after every single descriptor, so a burst of arrivals delays a publication by one read at
/// most; where it is delayed, its intended time stays what latency is measured from.
/// </summary>
internal sealed unsafe class EventLoop : IDisposable
{
    public const long Second = 1_000_000_000;
    public const long Millisecond = 1_000_000;

    /// <summary>So that Ctrl+C, and what a run waits for, are seen on a silent loop too.</summary>
    private const long LongestSleep = 100 * Millisecond;

    /// <summary>
    /// How long the loop looks on after an arrival. A sleeping reader is woken by whoever sends to it, and in a virtual machine that costs the
    /// sender as much as the send: the system would pay for a viewer who sits on its own machine, and pay more the slower it is.
    /// </summary>
    private const long WakefulFor = 50_000;

    private const int Batch = 512;
    private const int Add = 1;
    private const int Delete = 2;
    private const int Modify = 3;
    private const int ClockMonotonic = 1;
    private const int AbsoluteTime = 1;

    // struct epoll_event is packed on x86-64 only.
    private static readonly int EventSize = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static readonly int DataAt = EventSize - 8;

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

        Control(Add, _timer, Linux.EpollIn);
    }

    /// <summary>Monotonic nanoseconds.</summary>
    public static long Now => Stopwatch.GetTimestamp();

    /// <summary>Nanoseconds in which the process' loops looked for arrivals and found none: CPU time in which they were free.</summary>
    public static long LookedOn { get; private set; }

    public void Watch(int fd, IPollable pollable, int events)
    {
        if (fd >= _pollables.Length)
        {
            Array.Resize(ref _pollables, Math.Max(fd + 1, _pollables.Length * 2));
        }

        _pollables[fd] = pollable;
        Control(Add, fd, events);
    }

    public void Change(int fd, int events) => Control(Modify, fd, events);

    public void Forget(int fd)
    {
        Control(Delete, fd, 0);
        _pollables[fd] = null;
    }

    public void AddTicker(ITicker ticker) => _tickers.Add(ticker);

    public void RemoveTicker(ITicker ticker) => _tickers.Remove(ticker);

    public void RunFor(TimeSpan time) => RunUntil(static () => false, time);

    /// <summary>Runs until <paramref name="done"/>, looked at after each batch of arrivals.</summary>
    /// <returns>Whether it was done within <paramref name="limit"/>.</returns>
    public bool RunUntil(Func<bool> done, TimeSpan limit)
    {
        var end = Now + (long)limit.TotalNanoseconds;
        Linux.Prefer(true);
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
            Linux.Prefer(false); // Processes that are started from here would inherit it.
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
            LookedOn += now - since;
            since = now;
            if (now - _arrivedAt >= WakefulFor)
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
            var fd = BinaryPrimitives.ReadInt32LittleEndian(entry[DataAt..]);
            if (fd == _timer)
            {
                _armedFor = 0; // It fired, and stays readable until it is set again.
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
        for (var i = _tickers.Count - 1; i >= 0; i--) // Backwards: a ticker may remove itself.
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

    /// <summary>Leaves the timer alone while it fires soon enough: in a virtual machine setting it costs more than reading a frame.</summary>
    private void Arm(long at)
    {
        if (_armedFor != 0 && _armedFor <= at)
        {
            return;
        }

        _armedFor = Math.Min(at, Now + LongestSleep);
        var spec = new Linux.TimerSpec { Seconds = _armedFor / Second, Nanoseconds = _armedFor % Second };
        Linux.timerfd_settime(_timer, AbsoluteTime, &spec, null);
    }

    private void Control(int operation, int fd, int events)
    {
        var change = stackalloc byte[16];
        var entry = new Span<byte>(change, 16);
        BinaryPrimitives.WriteInt32LittleEndian(entry, events);
        BinaryPrimitives.WriteInt64LittleEndian(entry[DataAt..], fd);
        if (Linux.epoll_ctl(_epoll, operation, fd, change) != 0)
        {
            throw Linux.LastError("epoll_ctl");
        }
    }
}
