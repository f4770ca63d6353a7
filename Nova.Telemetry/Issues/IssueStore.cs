using System.Text.Json;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Nova.Telemetry.Issues;

/// <summary>Stores reports in Postgres.</summary>
internal sealed class IssueStore(NpgsqlDataSource dataSource, TelemetryMetrics metrics, ILogger<IssueStore> logger)
{
    /// <summary>Four labels of three bytes a character must fit an entry of the index that has them, 2,704 bytes. The JSON keeps them whole (S55).</summary>
    private const int MaxLabelChars = 100;

    /// <summary>More is no bandwidth, and would not fit the column.</summary>
    private const double MaxKbps = 1e15;

    /// <summary>
    /// Stores a batch. The same batch again, or a report whose viewer sent the same <c>report_id</c> for the stream before, stores nothing and is answered
    /// with the first one's id. A report that the database refuses is set aside, and the others are stored.
    /// </summary>
    public async Task<IReadOnlyList<Guid>> AddAsync(IReadOnlyList<IssueReport> reports, CancellationToken cancellationToken)
    {
        try
        {
            return await AddTogetherAsync(reports, cancellationToken);
        }
        catch (PostgresException refused) when (IsOfTheData(refused))
        {
            if (reports is [var report])
            {
                await SetAsideAsync(report, refused.MessageText, cancellationToken);
                return [report.IssueId];
            }

            var half = reports.Count / 2;
            return [.. await AddAsync([.. reports.Take(half)], cancellationToken), .. await AddAsync([.. reports.Skip(half)], cancellationToken)];
        }
    }

    /// <summary>Of the classes 22 (data exception), 23 (integrity constraint violation) and 54 (program limit exceeded): it fails each time it is tried.</summary>
    private static bool IsOfTheData(PostgresException refused) => refused.SqlState[..2] is "22" or "23" or "54";

    /// <summary>One round trip and one transaction.</summary>
    private async Task<IReadOnlyList<Guid>> AddTogetherAsync(IReadOnlyList<IssueReport> reports, CancellationToken cancellationToken)
    {
        await using var batch = dataSource.CreateBatch();
        batch.BatchCommands.Add(Insert(reports));
        var named = reports.Where(report => report.ReportId is not null).ToList();
        if (named.Count > 0)
        {
            batch.BatchCommands.Add(FindByReportId(named));
        }

        Dictionary<(Guid, Guid, string), Guid> stored = [];
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            stored[(reader.Get<Guid>("stream_id"), reader.Get<Guid>("viewer_id"), reader.Get<string>("report_id"))] = reader.Get<Guid>("issue_id");
        }

        return [.. reports.Select(report =>
            report.ReportId is not null && stored.TryGetValue((report.StreamId, report.ViewerId, Storable(report.ReportId)!), out var first) ? first : report.IssueId)];
    }

    private async Task SetAsideAsync(IssueReport report, string reason, CancellationToken cancellationToken)
    {
        await using var insert = dataSource.CreateCommand("INSERT INTO rejected_issues (issue_id, reason, report) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING");
        insert.Parameters.Add(new() { Value = report.IssueId });
        insert.Parameters.Add(new() { Value = reason });
        insert.Parameters.Add(new() { Value = JsonSerializer.SerializeToUtf8Bytes(report, ProtocolJson.Default.IssueReport) });
        await insert.ExecuteNonQueryAsync(cancellationToken);
        metrics.ReportSetAside();
        logger.ReportSetAside(report.IssueId, reason);
    }

    private static NpgsqlBatchCommand Insert(IReadOnlyList<IssueReport> reports) => new(
        """
        WITH given AS (
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) AS given (
                issue_id, stream_id, viewer_id, session_id, report_id, issue_type, severity, description,
                player, browser, os, network, bandwidth_estimate_kbps, client_info, reported_at)
        ), named AS (
            -- In one order, so that two batches with the same names wait for each other and not in a circle.
            INSERT INTO report_names (stream_id, viewer_id, report_id, issue_id, reported_at)
            SELECT stream_id, viewer_id, report_id, issue_id, reported_at FROM given WHERE report_id IS NOT NULL ORDER BY 1, 2, 3, issue_id
            ON CONFLICT DO NOTHING RETURNING issue_id
        )
        INSERT INTO issues (issue_id, stream_id, viewer_id, session_id, report_id, issue_type, severity, description,
                            player, browser, os, network, bandwidth_estimate_kbps, client_info, reported_at)
        SELECT * FROM given WHERE report_id IS NULL OR issue_id IN (SELECT issue_id FROM named)
        ON CONFLICT DO NOTHING
        """)
    {
        Parameters =
        {
            Array(NpgsqlDbType.Uuid, reports, report => report.IssueId),
            Array(NpgsqlDbType.Uuid, reports, report => report.StreamId),
            Array(NpgsqlDbType.Uuid, reports, report => report.ViewerId),
            Array(NpgsqlDbType.Text, reports, report => report.SessionId),
            Array(NpgsqlDbType.Text, reports, report => Storable(report.ReportId)),
            Array(NpgsqlDbType.Text, reports, report => WireNames<IssueType>.Of(report.IssueType)),
            Array(NpgsqlDbType.Text, reports, report => WireNames<IssueSeverity>.Of(report.Severity)),
            Array(NpgsqlDbType.Text, reports, report => Storable(report.Description)),
            Array(NpgsqlDbType.Text, reports, report => Member(report, "player")),
            Array(NpgsqlDbType.Text, reports, report => Member(report, "browser")),
            Array(NpgsqlDbType.Text, reports, report => Member(report, "os")),
            Array(NpgsqlDbType.Text, reports, report => Member(report, "network")),
            Array(NpgsqlDbType.Bigint, reports, Bandwidth),
            Array(NpgsqlDbType.Json, reports, report => report.ClientInfo?.GetRawText()),
            Array(NpgsqlDbType.TimestampTz, reports, report => report.ReportedAt),
        },
    };

    private static NpgsqlBatchCommand FindByReportId(IReadOnlyList<IssueReport> named) => new(
        """
        SELECT n.stream_id, n.viewer_id, n.report_id, n.issue_id
        FROM report_names n JOIN unnest($1, $2, $3) AS named (stream_id, viewer_id, report_id) USING (stream_id, viewer_id, report_id)
        """)
    {
        Parameters =
        {
            Array(NpgsqlDbType.Uuid, named, report => report.StreamId),
            Array(NpgsqlDbType.Uuid, named, report => report.ViewerId),
            Array(NpgsqlDbType.Text, named, report => Storable(report.ReportId)),
        },
    };

    private static NpgsqlParameter Array<T>(NpgsqlDbType type, IReadOnlyList<IssueReport> reports, Func<IssueReport, T> select) =>
        new() { Value = reports.Select(select).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | type };

    /// <summary>Postgres text holds every character but U+0000; one viewer's must not fail everybody's batch (F12).</summary>
    private static string? Storable(string? text) => text?.Replace('\0', '\uFFFD');

    private static string? Member(IssueReport report, string name) =>
        report.ClientInfo is { } info && info.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? Storable(Cut(value.GetString()!))
            : null;

    /// <summary>The column is for filters; the JSON keeps the label whole (S55).</summary>
    private static string Cut(string label) =>
        label.Length <= MaxLabelChars ? label
        : label[..(char.IsHighSurrogate(label[MaxLabelChars - 1]) ? MaxLabelChars - 1 : MaxLabelChars)];

    private static long? Bandwidth(IssueReport report) =>
        report.ClientInfo is { } info && info.TryGetProperty("bandwidth_estimate_kbps", out var value)
            && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var kbps) && kbps is >= 0 and < MaxKbps ? (long)Math.Round(kbps) : null;
}
