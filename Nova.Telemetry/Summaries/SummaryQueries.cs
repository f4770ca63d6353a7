using Nova.ServiceDefaults.Postgres;
using Nova.Telemetry.Issues;
using Nova.Telemetry.Quality;
using Nova.Telemetry.Timeline;
using Npgsql;

namespace Nova.Telemetry.Summaries;

/// <summary>Counts reports in Postgres.</summary>
internal sealed class SummaryQueries(NpgsqlDataSource dataSource)
{
    private const int Top = 10;

    private static readonly string[] Labels = ["player", "browser", "os", "network", "bandwidth"];

    /// <param name="filter">With both times.</param>
    /// <param name="history">Of the one stream; null over several.</param>
    public async Task<IssueSummary> ReadAsync(IssueFilter filter, TimeRange range, StreamHistory? history, CancellationToken cancellationToken)
    {
        var counts = await CountAsync(filter, range, cancellationToken);
        var audience = AudienceOf(history, range.Since, range.Until);
        var (total, byType, bySeverity) = Split(counts[null], audience);
        return new(
            filter.StreamId, range.Since, range.Until, (int)range.Bucket.TotalSeconds, audience, total, byType, bySeverity,
            [
                .. range.Buckets().Select(bucket =>
                {
                    var watching = AudienceOf(history, bucket.Start, bucket.End);
                    var (sum, types, severities) = Split(counts[bucket.Start], watching);
                    return new SummaryBucket(bucket.Start, watching, sum, types, severities);
                }),
            ],
            await ReadTopAsync(filter, cancellationToken));
    }

    private static double? AudienceOf(StreamHistory? history, DateTimeOffset from, DateTimeOffset to) =>
        history is null ? null : Math.Round(history.ViewerSeconds(from, to) / (to - from).TotalSeconds, 1);

    /// <summary>The whole time under null, and each of its parts under its start.</summary>
    private async Task<ILookup<DateTimeOffset?, GroupCount>> CountAsync(IssueFilter filter, TimeRange range, CancellationToken cancellationToken)
    {
        await using var select = dataSource.CreateCommand(
            $"""
            SELECT date_bin($6, reported_at, $2) AS start, issue_type, severity, count(*)::int AS reports, count(DISTINCT viewer_id)::int AS viewers
            FROM issues WHERE {IssueFilter.Condition}
            GROUP BY GROUPING SETS ((), (issue_type), (severity), (start), (start, issue_type), (start, severity))
            """);
        select.Parameters.AddRange(filter.Parameters());
        select.Parameters.Add(new() { Value = range.Bucket });
        await using var reader = await select.ExecuteReaderAsync(cancellationToken);
        List<GroupCount> counts = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            counts.Add(new(
                reader.Find<DateTimeOffset>("start"), reader.FindText("issue_type"), reader.FindText("severity"), reader.Get<int>("reports"), reader.Get<int>("viewers")));
        }

        return counts.ToLookup(count => count.Start);
    }

    private static (ReportCount Total, Dictionary<string, ReportCount> ByType, Dictionary<string, ReportCount> BySeverity) Split(
        IEnumerable<GroupCount> groups, double? audience)
    {
        ReportCount Of(GroupCount group) => new(group.Reports, group.Viewers, audience > 0 ? Math.Round(1000 * group.Viewers / audience.Value, 2) : null);
        var counts = groups.ToList();
        return (
            counts.Where(group => group is { Type: null, Severity: null }).Select(Of).FirstOrDefault() ?? new(0, 0, audience > 0 ? 0 : null),
            counts.Where(group => group.Type is not null).ToDictionary(group => group.Type!, Of),
            counts.Where(group => group.Severity is not null).ToDictionary(group => group.Severity!, Of));
    }

    private async Task<TopValues> ReadTopAsync(IssueFilter filter, CancellationToken cancellationToken)
    {
        await using var select = dataSource.CreateCommand(
            $"""
            WITH reports AS (
                SELECT viewer_id, player, browser, os, network, CASE
                    WHEN bandwidth_estimate_kbps < 1000 THEN 'under 1 Mbit/s' WHEN bandwidth_estimate_kbps < 5000 THEN '1 to 5 Mbit/s'
                    WHEN bandwidth_estimate_kbps < 20000 THEN '5 to 20 Mbit/s' WHEN bandwidth_estimate_kbps >= 20000 THEN '20 Mbit/s and more' END AS bandwidth
                FROM issues WHERE {IssueFilter.Condition}
            ), counted AS (
                SELECT grouping(player, browser, os, network, bandwidth) AS label, coalesce(player, browser, os, network, bandwidth) AS value,
                       count(*)::int AS reports, count(DISTINCT viewer_id)::int AS viewers
                FROM reports GROUP BY GROUPING SETS ((), (player), (browser), (os), (network), (bandwidth))
            ), ranked AS (
                SELECT *, row_number() OVER (PARTITION BY label ORDER BY viewers DESC, reports DESC, value) AS place FROM counted
            )
            SELECT label, value, reports, viewers FROM ranked WHERE place <= $6 ORDER BY label, place
            """);
        select.Parameters.AddRange(filter.Parameters());
        select.Parameters.Add(new() { Value = Top });
        await using var reader = await select.ExecuteReaderAsync(cancellationToken);
        List<(int Label, string? Value, int Reports, int Viewers)> rows = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add((reader.Get<int>("label"), reader.FindText("value"), reader.Get<int>("reports"), reader.Get<int>("viewers")));
        }

        const int Everything = 0b11111; // grouping() has a bit for each label that a row is not about.
        var all = rows.Where(row => row.Label == Everything).Select(row => row.Viewers).FirstOrDefault();
        List<TopValue> Of(string label) =>
        [
            .. rows.Where(row => row.Label == (Everything & ~(1 << (Labels.Length - 1 - Array.IndexOf(Labels, label)))))
                .Select(row => new TopValue(row.Value, row.Reports, row.Viewers, Math.Round((double)row.Viewers / Math.Max(1, all), 4))),
        ];
        return new(Of("player"), Of("browser"), Of("os"), Of("network"), Of("bandwidth"));
    }

    private sealed record GroupCount(DateTimeOffset? Start, string? Type, string? Severity, int Reports, int Viewers);
}
