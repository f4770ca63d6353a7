namespace Nova.Gateway.Viewers;

/// <summary>How many a second, and how many at once after a quiet time.</summary>
internal readonly record struct Rate(double PerSecond, int Burst);

/// <summary>
/// A token bucket in one number: the time at which it would be full again (GCRA). A viewer has several, so size matters. Not thread-safe.
/// </summary>
internal struct RateLimit
{
    private long _fullAt;

    /// <param name="now">A <see cref="TimeProvider.GetTimestamp"/>.</param>
    /// <param name="weight">How many it counts for.</param>
    public bool TryTake(Rate rate, long now, TimeProvider time, int weight = 1) => TryTake(rate, now, time, weight, out _);

    /// <param name="wait">If refused: until it would be allowed.</param>
    public bool TryTake(Rate rate, long now, TimeProvider time, int weight, out TimeSpan wait)
    {
        var one = time.TimestampFrequency / rate.PerSecond;
        var fullAt = Math.Max(_fullAt, now) + (long)(one * weight);
        var over = fullAt - now - (long)(one * rate.Burst);
        if (over > 0)
        {
            wait = TimeSpan.FromSeconds((double)over / time.TimestampFrequency);
            return false;
        }

        _fullAt = fullAt;
        wait = TimeSpan.Zero;
        return true;
    }

    /// <summary>Whether nothing is left of what was taken, so that forgetting it changes nothing.</summary>
    public readonly bool IsFull(long now) => _fullAt <= now;
}
