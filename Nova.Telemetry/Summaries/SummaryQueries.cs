using System.Runtime.InteropServices;
using Nova.Telemetry.Issues;
using Nova.Telemetry.Quality;
using Nova.Telemetry.Timeline;
using Npgsql;

namespace Nova.Telemetry.Summaries;

/// <summary>
/// Counts reports. They are read once and counted here: PostgreSQL sorts all of them for each group whose different viewers it counts, and took three times
/// as long for a day of a third of a million.
/// </summary>
internal sealed class SummaryQueries(NpgsqlDataSource dataSource)
{
    private const int Top = 10;

    /// <summary>Columns of the query from <c>player</c> on, and the bandwidth.</summary>
    private const int Labels = 5;
    private const int FirstLabel = 4;

    /// <param name="filter">With both times.</param>
    /// <param name="watching">Of the one stream; null over several.</param>
    public async Task<IssueSummary> ReadAsync(IssueFilter filter, TimeRange range, Audience? watching, CancellationToken cancellationToken)
    {
        var counts = await CountAsync(filter, range, cancellationToken);
        var audience = AudienceOf(watching, range.Since, range.Until);
        List<TopValue> TopOf(int label) =>
        [
            .. counts.Labels[label].Select(value => value.Value.Top(value.Key.Length == 0 ? null : value.Key, counts.Viewers))
                .OrderByDescending(value => value.Viewers).ThenByDescending(value => value.Reports).ThenBy(value => value.Value, StringComparer.Ordinal).Take(Top),
        ];
        return new(
            filter.StreamId, range.Since, range.Until, (int)range.Bucket.TotalSeconds, audience, counts.Whole.Total(audience), counts.Whole.ByType(audience), counts.Whole.BySeverity(audience),
            [
                .. range.Buckets().Select(bucket =>
                {
                    var audienceThen = AudienceOf(watching, bucket.Start, bucket.End);
                    var part = counts.Parts.GetValueOrDefault(bucket.Start) ?? new();
                    return new SummaryBucket(bucket.Start, audienceThen, part.Total(audienceThen), part.ByType(audienceThen), part.BySeverity(audienceThen));
                }),
            ],
            new(TopOf(0), TopOf(1), TopOf(2), TopOf(3), TopOf(4)));
    }

    private static double? AudienceOf(Audience? watching, DateTimeOffset from, DateTimeOffset to) =>
        watching is null ? null : Math.Round(watching.ViewerSeconds(from, to) / (to - from).TotalSeconds, 1);

    private async Task<Counts> CountAsync(IssueFilter filter, TimeRange range, CancellationToken cancellationToken)
    {
        await using var select = dataSource.CreateCommand(
            $"""
            SELECT reported_at, issue_type, severity, viewer_id, player, browser, os, network, bandwidth_estimate_kbps FROM issues
            WHERE {IssueFilter.Condition}
            """);
        select.Parameters.AddRange(filter.Parameters());
        var counts = new Counts(range);
        await using var reader = await select.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            counts.Add(reader);
        }

        return counts;
    }

    private static string BandwidthOf(long kbps) => kbps switch
    {
        < 1000 => "under 1 Mbit/s",
        < 5000 => "1 to 5 Mbit/s",
        < 20_000 => "5 to 20 Mbit/s",
        _ => "20 Mbit/s and more",
    };

    /// <summary>What is counted while the reports are read.</summary>
    private sealed class Counts(TimeRange range)
    {
        private readonly Dictionary<Guid, int> _viewers = [];

        public int Viewers => _viewers.Count;

        public ReportTallies Whole { get; } = new();

        public Dictionary<DateTimeOffset, ReportTallies> Parts { get; } = [];

        public Dictionary<string, ReportTally>[] Labels { get; } = [.. Enumerable.Range(0, SummaryQueries.Labels).Select(_ => new Dictionary<string, ReportTally>())];

        public void Add(NpgsqlDataReader row)
        {
            ref var number = ref CollectionsMarshal.GetValueRefOrAddDefault(_viewers, row.GetGuid(3), out var isKnown);
            number = isKnown ? number : _viewers.Count;
            var (viewer, type, severity) = (number, row.GetString(1), row.GetString(2));
            Whole.Add(viewer, type, severity);
            var start = range.StartOf(row.GetFieldValue<DateTimeOffset>(0));
            (Parts.TryGetValue(start, out var part) ? part : Parts[start] = new()).Add(viewer, type, severity);
            for (var label = 0; label < Labels.Length; label++)
            {
                var value = row.IsDBNull(FirstLabel + label) ? "" : label == Labels.Length - 1 ? BandwidthOf(row.GetInt64(FirstLabel + label)) : row.GetString(FirstLabel + label);
                Labels[label].At(value).Add(viewer);
            }
        }
    }
}
