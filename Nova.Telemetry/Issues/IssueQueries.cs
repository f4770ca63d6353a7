using System.Runtime.CompilerServices;
using System.Text.Json;
using Nova.Protocol;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Postgres;
using Npgsql;

namespace Nova.Telemetry.Issues;

/// <summary>Reads reports from Postgres.</summary>
internal sealed class IssueQueries(NpgsqlDataSource dataSource)
{
    private const int ExportPage = 2000;

    private const string Columns = "issue_id, stream_id, viewer_id, session_id, report_id, issue_type, severity, description, client_info, reported_at";

    /// <summary>Newest first; the caller asks for one row more than a page to see whether there is a next one.</summary>
    public async Task<List<IssueResource>> ListAsync(IssueFilter filter, PageCursor? after, int rows, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            $"""
            SELECT {Columns} FROM issues
            WHERE {IssueFilter.Condition}
              AND ($6::timestamptz IS NULL OR (reported_at, issue_id) < ($6, $7))
            ORDER BY reported_at DESC, issue_id DESC LIMIT $8
            """);
        command.Parameters.AddRange(filter.Parameters());
        command.Parameters.AddRange(new NpgsqlParameter[]
        {
            new() { Value = after?.Time ?? (object)DBNull.Value },
            new() { Value = after?.Id ?? Guid.Empty },
            new() { Value = rows },
        });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        List<IssueResource> issues = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            issues.Add(Read(reader));
        }

        return issues;
    }

    /// <summary>All that match, newest first, a page at a time: memory stays flat however many there are, and no snapshot is held open.</summary>
    public async IAsyncEnumerable<IssueResource> ReadAllAsync(IssueFilter filter, PageCursor? after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (true)
        {
            var page = await ListAsync(filter, after, ExportPage, cancellationToken);
            foreach (var issue in page)
            {
                yield return issue;
            }

            if (page.Count < ExportPage)
            {
                yield break;
            }

            after = CursorOf(page[^1]);
        }
    }

    /// <summary>The first reports that were stored after a position, oldest first.</summary>
    public async Task<List<(FeedPosition Position, IssueResource Issue)>> ReadStoredAsync(
        IssueFilter filter, FeedPosition after, ulong before, int rows, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            $"""
            SELECT stored_in::text, {Columns} FROM issues
            WHERE {IssueFilter.Condition} AND (stored_in, issue_id) > ($6::xid8, $7) AND stored_in < $8::xid8
            ORDER BY stored_in, issue_id LIMIT $9
            """);
        command.Parameters.AddRange(filter.Parameters());
        command.Parameters.AddRange(new NpgsqlParameter[]
        {
            new() { Value = after.TransactionText }, new() { Value = after.Id }, new() { Value = FeedPosition.Text(before) }, new() { Value = rows },
        });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        List<(FeedPosition, IssueResource)> issues = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            var issue = Read(reader);
            issues.Add((FeedPosition.Of(reader.Get<string>("stored_in"), issue.IssueId), issue));
        }

        return issues;
    }

    public static PageCursor CursorOf(IssueResource issue) => new(issue.ReportedAt, issue.IssueId);

    private static IssueResource Read(NpgsqlDataReader reader) => new(
        reader.Get<Guid>("issue_id"),
        reader.Get<Guid>("stream_id"),
        reader.Get<Guid>("viewer_id"),
        reader.Get<string>("session_id"),
        reader.FindText("report_id"),
        WireNames<IssueType>.Parse(reader.Get<string>("issue_type")),
        WireNames<IssueSeverity>.Parse(reader.Get<string>("severity")),
        reader.Get<string>("description"),
        reader.FindText("client_info") is { } info ? JsonElement.Parse(info) : null,
        reader.Get<DateTimeOffset>("reported_at"));
}
