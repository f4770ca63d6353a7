using System.Globalization;

namespace Nova.LoadTest.Reporting;

/// <summary>The goals of PERFORMANCE.md, section 3, that compare Nova with its peers.</summary>
internal static class ComparisonGoals
{
    /// <summary>The Redis hop may add this much to Nova's p99; peers have no such hop.</summary>
    private const double RedisHopMilliseconds = 2;

    public static IEnumerable<Goal> Of(ComparisonTable table) => new[]
    {
        AtMost(table, "CPU per delivery / nchan's", 1, table.Ratio("nchan", static cell => cell.CpuMicroseconds)),
        AtMost(table, "CPU per delivery / SignalR's", 0.5, table.Ratio("signalr", static cell => cell.CpuMicroseconds)),
        Latency(table),
        AtLeast(table, "Clean deliveries/s / nchan's", 3, table.KneeRatio("nchan")),
        AtLeast(table, "Clean deliveries/s / SignalR's", 2.5, table.KneeRatio("signalr")),
        table.Viewers >= 10_000
            ? AtMost(table, "KB RSS per viewer", 12, table.At(Systems.SystemCatalog.Nova, static cell => cell.Memory?.PerViewer / 1024))
            : null,
    }.OfType<Goal>();

    private static Goal? Latency(ComparisonTable table)
    {
        var nova = table.At(Systems.SystemCatalog.Nova, static cell => cell.Latency?.P99);
        var nchan = table.At("nchan", static cell => cell.Latency?.P99);
        return nova is null || nchan is null
            ? null
            : new Goal(
                $"p99 at {table.Viewers:N0} viewers", $"≤ nchan's {Text(nchan.Value.Median)} ms + {RedisHopMilliseconds} ms for the Redis hop",
                $"{Text(nova.Value.Median)} ms", nova.Value.Median <= nchan.Value.Median + RedisHopMilliseconds);
    }

    private static Goal? AtMost(ComparisonTable table, string what, double limit, Spread? measured) => measured is { } value
        ? new Goal($"{what}, {table.Viewers:N0} viewers", $"≤ {Text(limit)}", value.ToString("F2"), value.Median <= limit)
        : null;

    private static Goal? AtLeast(ComparisonTable table, string what, double limit, Spread? measured) => measured is { } value
        ? new Goal($"{what}, {table.Viewers:N0} viewers", $"≥ {Text(limit)}", value.ToString("F2"), value.Median >= limit)
        : null;

    private static string Text(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);
}
