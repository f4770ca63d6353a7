using HdrHistogram;

namespace Nova.LoadTest.Generator;

/// <summary>Latencies are kept in microseconds, to three digits, up to ten minutes.</summary>
internal static class Latency
{
    private const long Longest = 600_000_000;

    public static LongHistogram NewHistogram() => new(1, Longest, 3);

    public static long Microseconds(long nanoseconds) => Math.Clamp(nanoseconds / 1000, 1, Longest);

    public static double Milliseconds(this LongHistogram histogram, double percentile) =>
        histogram.TotalCount == 0 ? 0 : histogram.GetValueAtPercentile(percentile) / 1000.0;
}
