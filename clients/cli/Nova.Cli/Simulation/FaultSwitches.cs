namespace Nova.Cli.Simulation;

/// <summary>Faults that last, and until when.</summary>
internal sealed class FaultSwitches
{
    private long _silentUntil;
    private long _lateUntil;
    private long _delayTicks;
    private long _refusingUntil;
    private volatile Refusal? _refusal;

    /// <summary>How new connections are refused now; null where they are not.</summary>
    public Refusal? Refusing => Holds(ref _refusingUntil) ? _refusal : null;

    public bool IsSilent => Holds(ref _silentUntil);

    public void Silence(TimeSpan time) => Set(ref _silentUntil, time);

    public void Delay(TimeSpan delay, TimeSpan time)
    {
        Volatile.Write(ref _delayTicks, delay.Ticks);
        Set(ref _lateUntil, time);
    }

    public void Refuse(Refusal refusal, TimeSpan time)
    {
        _refusal = refusal;
        Set(ref _refusingUntil, time);
    }

    public void Clear() => _silentUntil = _lateUntil = _refusingUntil = 0;

    /// <summary>When a message that comes now arrives.</summary>
    public DateTimeOffset Due() => DateTimeOffset.UtcNow + (Holds(ref _lateUntil) ? TimeSpan.FromTicks(Volatile.Read(ref _delayTicks)) : TimeSpan.Zero);

    private static bool Holds(ref long until) => DateTimeOffset.UtcNow.Ticks < Volatile.Read(ref until);

    private static void Set(ref long until, TimeSpan time) => Volatile.Write(ref until, (DateTimeOffset.UtcNow + time).Ticks);
}

/// <param name="Status">0: the connection breaks without an answer.</param>
internal sealed record Refusal(int Status, string ErrorCode, string Detail, string? Reason = null);
