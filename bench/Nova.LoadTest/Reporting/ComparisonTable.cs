using System.Globalization;

namespace Nova.LoadTest.Reporting;

/// <summary>The median and the range of a figure over the repeats.</summary>
internal readonly record struct Spread(double Median, double Min, double Max)
{
    public static Spread? Of(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted.Count == 0 ? null : new Spread((sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2, sorted[0], sorted[^1]);
    }

    public string ToString(string format)
    {
        string Text(double value) => value.ToString(format, CultureInfo.InvariantCulture);
        return Min == Max ? Text(Median) : $"{Text(Median)} ({Text(Min)}–{Text(Max)})";
    }
}

/// <summary>Compares the systems at one number of viewers, and gives Nova's ratio to each peer, computed repeat by repeat.</summary>
internal sealed class ComparisonTable(IReadOnlyList<Measurement> all, IReadOnlyList<string> systems, int viewers)
{
    private const string Nova = Systems.SystemCatalog.Nova;

    private static readonly (string Head, string Format, Func<Measurement, double?> Value)[] Columns =
    [
        ("Delivered %", "F2", static cell => cell.DeliveredPercent),
        ("CPU µs/delivery", "F2", static cell => cell.CpuMicroseconds),
        ("p50 ms", "F1", static cell => cell.Latency?.P50),
        ("p99 ms", "F1", static cell => cell.Latency?.P99),
        ("KB/viewer", "F1", static cell => cell.Memory?.PerViewer / 1024),
    ];

    private readonly List<Measurement> _measurements = PreferUndisturbed([.. all.Where(cell => cell.Viewers == viewers)]);

    public int Viewers => viewers;

    /// <summary>The lowest rate, at which all systems should be clean.</summary>
    private double BaseRate => _measurements.Min(static cell => cell.Rate);

    private bool HasKnees => _measurements.Any(cell => cell.Rate > BaseRate);

    public string Compose()
    {
        if (_measurements.Count == 0)
        {
            return "";
        }

        var title = $"## {viewers:N0} viewers, {BaseRate:N0} events/s, median (min–max)\n\n{ForeignLoad()}";
        List<string> head = ["System", .. Columns.Select(static column => column.Head), .. Knee("Clean deliveries/s")];
        var rows = systems.Select(system => (IReadOnlyList<string>)
            [system, .. Columns.Select(column => At(system, column.Value)?.ToString(column.Format) ?? ""), .. Knee(KneeOf(system)?.ToString("N0") ?? "")]);
        var ratios = systems.Where(static system => system != Nova).Select(peer => (IReadOnlyList<string>)
        [
            $"nova / {peer}", .. Columns.Select(column => Ratio(peer, column.Value)?.ToString("F2") ?? ""), .. Knee(KneeRatio(peer)?.ToString("F2") ?? ""),
        ]);
        return title + MarkdownTable.Of(head, [.. rows, .. systems.Contains(Nova) ? ratios : []]);
    }

    public Spread? At(string system, Func<Measurement, double?> value) => Spread.Of(Base(system).Values.Select(value).OfType<double>());

    public Spread? Ratio(string peer, Func<Measurement, double?> value)
    {
        var peers = Base(peer);
        return Spread.Of(Base(Nova).Where(nova => peers.ContainsKey(nova.Key)).Select(nova => value(nova.Value) / value(peers[nova.Key])).OfType<double>()
            .Where(double.IsFinite));
    }

    public Spread? KneeOf(string system) => HasKnees ? Spread.Of(Knees(system).Values) : null;

    public Spread? KneeRatio(string peer)
    {
        var peers = Knees(peer);
        return HasKnees ? Spread.Of(Knees(Nova).Where(nova => peers.ContainsKey(nova.Key)).Select(nova => nova.Value / peers[nova.Key])) : null;
    }

    /// <summary>Drops cells with foreign load, unless a system has no other cells at that rate.</summary>
    private static List<Measurement> PreferUndisturbed(List<Measurement> cells) =>
    [
        .. cells.GroupBy(static cell => (cell.System, cell.Rate)).SelectMany(static group =>
            group.All(static cell => cell.HasForeignLoad) ? group : group.Where(static cell => !cell.HasForeignLoad)),
    ];

    private string ForeignLoad()
    {
        var disturbed = _measurements.Where(static cell => cell.HasForeignLoad).Select(static cell => cell.System).Distinct().ToList();
        return disturbed.Count == 0 ? "" : $"**Other programs used the machine in every repeat of these systems: {string.Join(", ", disturbed)}.**\n\n";
    }

    private IEnumerable<string> Knee(string cell) => HasKnees ? [cell] : [];

    private Dictionary<int, Measurement> Base(string system) => _measurements
        .Where(cell => cell.System == system && cell.Rate == BaseRate)
        .GroupBy(static cell => cell.Repeat)
        .ToDictionary(static repeat => repeat.Key, static repeat => repeat.Last());

    private Dictionary<int, double> Knees(string system) => _measurements
        .Where(cell => cell.System == system && cell.IsClean)
        .GroupBy(static cell => cell.Repeat)
        .ToDictionary(static repeat => repeat.Key, static repeat => repeat.Max(static cell => cell.DeliveredPerSecond));
}
