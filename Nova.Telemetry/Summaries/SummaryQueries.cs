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

    /// <summary>What grouping() says of a group that is about none of the five labels: a bit for each.</summary>
    private const int NoLabel = 0b11111;

    /// <summary>In the order of grouping()'s bits, the last one being the lowest.</summary>
    private static readonly string[] Labels = ["player", "browser", "os", "network", "bandwidth"];

    /// <param name="filter">With both times.</param>
    /// <param name="history">Of the one stream; null over several.</param>
    public async Task<IssueSummary> ReadAsync(IssueFilter filter, TimeRange range, StreamHistory? history, CancellationToken cancellationToken)
    {
        var groups = await CountAsync(filter, range, cancellationToken);
        var counts = groups.Where(group => group.Label is null).ToLookup(group => group.Start);
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
            TopOf(groups, total.Viewers));
    }

    private static double? AudienceOf(StreamHistory? history, DateTimeOffset from, DateTimeOffset to) =>
        history is null ? null : Math.Round(history.ViewerSeconds(from, to) / (to - from).TotalSeconds, 1);

    /// <summary>All groups in one reading of the reports: of the whole time and of each part, and the most frequent values of each label.</summary>
    private async Task<List<GroupCount>> CountAsync(IssueFilter filter, TimeRange range, CancellationToken cancellationToken)
    {
        await using var select = dataSource.CreateCommand(
            $"""
            WITH reports AS MATERIALIZED (
                SELECT date_bin($6, reported_at, $2) AS start, issue_type, severity, viewer_id, player, browser, os, network, CASE
                    WHEN bandwidth_estimate_kbps < 1000 THEN 'under 1 Mbit/s' WHEN bandwidth_estimate_kbps < 5000 THEN '1 to 5 Mbit/s'
                    WHEN bandwidth_estimate_kbps < 20000 THEN '5 to 20 Mbit/s' WHEN bandwidth_estimate_kbps >= 20000 THEN '20 Mbit/s and more' END AS bandwidth
                FROM issues WHERE {IssueFilter.Condition}
            ), counted AS (
                SELECT start, issue_type, severity, coalesce(player, browser, os, network, bandwidth) AS value, count(*)::int AS reports,
                       count(DISTINCT viewer_id)::int AS viewers, grouping(player, browser, os, network, bandwidth) AS label
                FROM reports GROUP BY GROUPING SETS (
                    (), (issue_type), (severity), (start), (start, issue_type), (start, severity), (player), (browser), (os), (network), (bandwidth))
            ), ranked AS (
                SELECT *, row_number() OVER (PARTITION BY label ORDER BY viewers DESC, reports DESC, value) AS place FROM counted
            )
            SELECT start, issue_type, severity, label, value, reports, viewers FROM ranked WHERE label = {NoLabel} OR place <= {Top} ORDER BY label, place
            """);
        select.Parameters.AddRange(filter.Parameters());
        select.Parameters.Add(new() { Value = range.Bucket });
        await using var reader = await select.ExecuteReaderAsync(cancellationToken);
        List<GroupCount> counts = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            var label = reader.Get<int>("label");
            counts.Add(new(
                reader.Find<DateTimeOffset>("start"), reader.FindText("issue_type"), reader.FindText("severity"),
                label == NoLabel ? null : Labels[^(1 + int.TrailingZeroCount(~label))], reader.FindText("value"), reader.Get<int>("reports"), reader.Get<int>("viewers")));
        }

        return counts;
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

    private static TopValues TopOf(IEnumerable<GroupCount> groups, int allViewers)
    {
        var labels = groups.ToLookup(group => group.Label);
        List<TopValue> Of(string label) =>
            [.. labels[label].Select(group => new TopValue(group.Value, group.Reports, group.Viewers, Math.Round((double)group.Viewers / Math.Max(1, allViewers), 4)))];
        return new(Of("player"), Of("browser"), Of("os"), Of("network"), Of("bandwidth"));
    }

    /// <param name="Label">Null for groups by time, type and severity.</param>
    private sealed record GroupCount(DateTimeOffset? Start, string? Type, string? Severity, string? Label, string? Value, int Reports, int Viewers);
}
