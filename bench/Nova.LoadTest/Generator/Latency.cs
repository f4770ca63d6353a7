using HdrHistogram;

namespace Nova.LoadTest.Generator;

/// <summary>Latency histograms in microseconds, with three significant digits, up to ten minutes.</summary>
internal static class Latency
{
    private const long MaxMicroseconds = 600_000_000;

    public static LongHistogram NewHistogram() => new(1, MaxMicroseconds, 3);

    public static long Microseconds(long nanoseconds) => Math.Clamp(nanoseconds / 1000, 1, MaxMicroseconds);

    public static double Milliseconds(this LongHistogram histogram, double percentile) =>
        histogram.TotalCount == 0 ? 0 : histogram.GetValueAtPercentile(percentile) / 1000.0;
}
