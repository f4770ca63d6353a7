namespace Nova.ServiceDefaults.Background;

/// <summary>Lets one log line in five seconds pass: what fails a thousand times a second is one event.</summary>
public sealed class LogThrottle(TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private long _loggedAt;
    private long _suppressed;

    /// <param name="suppressed">How many lines were kept back since the last one.</param>
    public bool TryTake(out long suppressed)
    {
        suppressed = 0;
        var now = time.GetTimestamp();
        var last = Volatile.Read(ref _loggedAt);
        if ((last != 0 && time.GetElapsedTime(last, now) < Interval) || Interlocked.CompareExchange(ref _loggedAt, now, last) != last)
        {
            Interlocked.Increment(ref _suppressed);
            return false;
        }

        suppressed = Interlocked.Exchange(ref _suppressed, 0);
        return true;
    }
}
