namespace Nova.ServiceDefaults.Background;

/// <summary>How long a background loop waits before it tries again: doubling from 100 ms to 2 s, half of it jitter.</summary>
public static class Backoff
{
    public static TimeSpan Next(int attempt)
    {
        var ceiling = Math.Min(2000, 100 << Math.Min(attempt, 6));
        return TimeSpan.FromMilliseconds((ceiling / 2) + Random.Shared.Next(ceiling / 2));
    }
}
