namespace Nova.Telemetry.Summaries;

/// <summary>Counts reports and the different viewers who made them, pure.</summary>
internal sealed class ReportTally
{
    private readonly HashSet<int> _viewers = [];
    private int _reports;

    /// <param name="viewer">A number for the viewer: sets of ids would take four times the memory.</param>
    public void Add(int viewer)
    {
        _reports++;
        _viewers.Add(viewer);
    }

    /// <param name="audience">How many watched; null where that is not known.</param>
    public ReportCount Count(double? audience) => new(_reports, _viewers.Count, audience > 0 ? Math.Round(1000 * _viewers.Count / audience.Value, 2) : null);

    public TopValue Top(string? value, int allViewers) => new(value, _reports, _viewers.Count, Math.Round((double)_viewers.Count / Math.Max(1, allViewers), 4));
}

/// <summary>The reports of a time: in total, by type and by severity.</summary>
internal sealed class ReportTallies
{
    private readonly ReportTally _total = new();
    private readonly Dictionary<string, ReportTally> _byType = [];
    private readonly Dictionary<string, ReportTally> _bySeverity = [];

    public void Add(int viewer, string type, string severity)
    {
        _total.Add(viewer);
        _byType.At(type).Add(viewer);
        _bySeverity.At(severity).Add(viewer);
    }

    public ReportCount Total(double? audience) => _total.Count(audience);

    public IReadOnlyDictionary<string, ReportCount> ByType(double? audience) => _byType.ToDictionary(type => type.Key, type => type.Value.Count(audience));

    public IReadOnlyDictionary<string, ReportCount> BySeverity(double? audience) => _bySeverity.ToDictionary(severity => severity.Key, severity => severity.Value.Count(audience));
}

internal static class TallyExtensions
{
    public static ReportTally At(this Dictionary<string, ReportTally> tallies, string key) =>
        tallies.TryGetValue(key, out var tally) ? tally : tallies[key] = new();
}
