using System.Text.Json;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Nova.Telemetry.Issues;

internal sealed record IssueFilter(
    Guid? StreamId, DateTimeOffset? Since, DateTimeOffset? Until, IssueType? IssueType, IssueSeverity? Severity, PageCursor? After);

/// <summary>The reports in Postgres.</summary>
internal sealed class IssueStore(NpgsqlDataSource dataSource)
{
    private const int MaxLabelChars = 200;

    /// <summary>More is no bandwidth, and would not fit the column.</summary>
    private const double MaxKbps = 1e15;

    /// <summary>
    /// Stores a batch in one round trip. The same batch again, or a report whose viewer sent the same <c>report_id</c> for the stream before, stores
    /// nothing and is answered with the first one's id.
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

        Dictionary<(Guid, Guid, string), Guid> stored = [];
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            stored[(reader.Get<Guid>("stream_id"), reader.Get<Guid>("viewer_id"), reader.Get<string>("report_id"))] = reader.Get<Guid>("issue_id");
        }

        return [.. reports.Select(report =>
            report.ReportId is not null && stored.TryGetValue((report.StreamId, report.ViewerId, Storable(report.ReportId)!), out var first) ? first : report.IssueId)];
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
                reader.Get<Guid>("issue_id"),
                reader.Get<Guid>("stream_id"),
                reader.Get<Guid>("viewer_id"),
                reader.Get<string>("session_id"),
                reader.FindText("report_id"),
                WireNames<IssueType>.Parse(reader.Get<string>("issue_type")),
                WireNames<IssueSeverity>.Parse(reader.Get<string>("severity")),
                reader.Get<string>("description"),
                reader.FindText("client_info") is { } info ? JsonElement.Parse(info) : null,
                reader.Get<DateTimeOffset>("reported_at")));
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
        SELECT i.stream_id, i.viewer_id, i.report_id, i.issue_id
        FROM issues i JOIN unnest($1, $2, $3) AS named (stream_id, viewer_id, report_id) USING (stream_id, viewer_id, report_id)
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
