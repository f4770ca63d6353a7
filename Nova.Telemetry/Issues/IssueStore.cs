using System.Text.Json;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Npgsql;
using NpgsqlTypes;

namespace Nova.Telemetry.Issues;

internal sealed record IssueFilter(
    Guid? StreamId, DateTimeOffset? Since, DateTimeOffset? Until, IssueType? IssueType, IssueSeverity? Severity, PageCursor? After);

/// <summary>The reports in Postgres.</summary>
internal sealed class IssueStore(NpgsqlDataSource dataSource)
{
    /// <summary>
    /// Stores a batch in one round trip. What is there already stays: the same batch again, or a report whose viewer sent the same
    /// <c>report_id</c> before, stores nothing and is answered with the first one's id.
    /// </summary>
    public async Task<IReadOnlyList<Guid>> AddAsync(IReadOnlyList<IssueReport> reports, CancellationToken cancellationToken)
    {
        await using var batch = dataSource.CreateBatch();
        batch.BatchCommands.Add(Insert(reports));
        var named = reports.Where(report => report.ReportId is not null).ToList();
        if (named.Count > 0)
        {
            batch.BatchCommands.Add(FindByReportId(named));
        }

        Dictionary<(Guid, string), Guid> stored = [];
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            stored[(reader.GetGuid(0), reader.GetString(1))] = reader.GetGuid(2);
        }

        return [.. reports.Select(report =>
            report.ReportId is not null && stored.TryGetValue((report.ViewerId, Storable(report.ReportId)!), out var first) ? first : report.IssueId)];
    }

    /// <summary>Newest first; the caller asks for one row more than a page to see whether there is a next one.</summary>
    public async Task<List<IssueResource>> ListAsync(IssueFilter filter, int rows, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            """
            SELECT issue_id, stream_id, viewer_id, session_id, report_id, issue_type, severity, description, client_info, reported_at FROM issues
            WHERE ($1::uuid IS NULL OR stream_id = $1) AND ($2::timestamptz IS NULL OR reported_at >= $2) AND ($3::timestamptz IS NULL OR reported_at < $3)
              AND ($4::text IS NULL OR issue_type = $4) AND ($5::text IS NULL OR severity = $5)
              AND ($6::timestamptz IS NULL OR (reported_at, issue_id) < ($6, $7))
            ORDER BY reported_at DESC, issue_id DESC LIMIT $8
            """);
        command.Parameters.AddRange(new NpgsqlParameter[]
        {
            new() { Value = filter.StreamId ?? (object)DBNull.Value },
            new() { Value = filter.Since ?? (object)DBNull.Value },
            new() { Value = filter.Until ?? (object)DBNull.Value },
            new() { Value = filter.IssueType is { } type ? WireNames<IssueType>.Of(type) : DBNull.Value },
            new() { Value = filter.Severity is { } severity ? WireNames<IssueSeverity>.Of(severity) : DBNull.Value },
            new() { Value = filter.After?.Time ?? (object)DBNull.Value },
            new() { Value = filter.After?.Id ?? Guid.Empty },
            new() { Value = rows },
        });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        List<IssueResource> issues = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            issues.Add(new IssueResource(
                reader.GetGuid(0),
                reader.GetGuid(1),
                reader.GetGuid(2),
                reader.GetString(3),
                reader.IsDBNull(4) ? null : reader.GetString(4),
                WireNames<IssueType>.Parse(reader.GetString(5)),
                WireNames<IssueSeverity>.Parse(reader.GetString(6)),
                reader.GetString(7),
                reader.IsDBNull(8) ? null : JsonElement.Parse(reader.GetString(8)),
                reader.GetFieldValue<DateTimeOffset>(9)));
        }

        return issues;
    }

    private static NpgsqlBatchCommand Insert(IReadOnlyList<IssueReport> reports) => new(
        """
        INSERT INTO issues (issue_id, stream_id, viewer_id, session_id, report_id, issue_type, severity, description,
                            player, browser, os, network, bandwidth_estimate_kbps, client_info, reported_at)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
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
        SELECT i.viewer_id, i.report_id, i.issue_id
        FROM issues i JOIN unnest($1, $2) AS named (viewer_id, report_id) USING (viewer_id, report_id)
        """)
    {
        Parameters =
        {
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
            ? Storable(value.GetString())
            : null;

    private static long? Bandwidth(IssueReport report) =>
        report.ClientInfo is { } info && info.TryGetProperty("bandwidth_estimate_kbps", out var value)
            && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var kbps) ? kbps : null;
}
