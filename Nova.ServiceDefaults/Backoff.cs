namespace Nova.ServiceDefaults;

/// <summary>How long a background loop waits before it tries again: doubling from 100 ms to 5 s, half of it jitter.</summary>
public static class Backoff
{
    public static TimeSpan Next(int attempt)
    {
        var ceiling = Math.Min(5000, 100 << Math.Min(attempt, 6));
        return TimeSpan.FromMilliseconds((ceiling / 2) + Random.Shared.Next(ceiling / 2));
    }
}
