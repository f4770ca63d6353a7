using Nova.Protocol;

namespace Nova.Gateway.Viewers;

/// <summary>
/// When a viewer is pinged, suspect and idle (S1–S3). The wheel visits it every <see cref="VisitInterval"/>; its own clock runs from its
/// connecting, on monotonic time, so that nothing depends on the wall clock.
/// </summary>
internal sealed class ViewerClock(TimeProvider time)
{
    public static readonly TimeSpan VisitInterval = TimeSpan.FromSeconds(5);

    /// <summary>
    /// The rule's 60 s, and 2.5 s for honest clients: browsers run a hidden page's timers once a minute, so that its pongs are 60.0x s apart (S49).
    /// </summary>
    private static readonly TimeSpan IdleTimeout = Limits.IdleTimeout + TimeSpan.FromSeconds(2.5);

    private static readonly long VisitsPerPing = Limits.PingInterval.Ticks / VisitInterval.Ticks;
    private static readonly long VisitsPerTimeout = Limits.PingTimeout.Ticks / VisitInterval.Ticks;

    private readonly long _start = time.GetTimestamp();
    private long _visits;
    private long _lastMessage = time.GetTimestamp();
    private long _sequence;
    private long _pingedAt;
    private bool _pongOutstanding;

    /// <summary>Until the viewer is closed for its silence; zero or less when it is time.</summary>
    public TimeSpan IdleIn => IdleTimeout - time.GetElapsedTime(Volatile.Read(ref _lastMessage));

    /// <summary>Any application message, a pong of any kind included, shows that the viewer is there. Control frames do not.</summary>
    public void OnMessage() => Volatile.Write(ref _lastMessage, time.GetTimestamp());

    /// <returns>The round trip, if this pong answers the last ping.</returns>
    public TimeSpan? OnPong(long? sequence)
    {
        if (sequence != Volatile.Read(ref _sequence) || !_pongOutstanding)
        {
            return null;
        }

        _pongOutstanding = false;
        return time.GetElapsedTime(_pingedAt);
    }

    /// <summary>What is due at this visit.</summary>
    public DueAction OnTick()
    {
        // By the clock: a wheel that was late or early for a viewer does not shift its pings.
        var visits = (long)Math.Round(time.GetElapsedTime(_start) / VisitInterval);
        if (visits == _visits)
        {
            return DueAction.Nothing;
        }

        _visits = visits;
        if (_visits % VisitsPerPing == 0)
        {
            _pingedAt = time.GetTimestamp();
            _pongOutstanding = true;
            _sequence++;
            return DueAction.Ping;
        }

        return _pongOutstanding && _visits % VisitsPerPing == VisitsPerTimeout ? DueAction.CountPingTimeout : DueAction.Nothing;
    }

    /// <summary>Number of the last ping, counted from 1.</summary>
    public long Sequence => _sequence;
}

internal enum DueAction
{
    Nothing,
    Ping,
    CountPingTimeout,
}
