using System.Text.Json;
using CsvHelper;
using Nova.Protocol;
using Nova.ServiceDefaults.Http;

namespace Nova.Telemetry.Issues;

/// <summary>How an export is written.</summary>
internal enum ExportFormat
{
    Csv,
    JsonLines,
}

/// <summary>Writes all reports that match, one to a line, newest first. Each line has the cursor after which an export that broke off goes on.</summary>
internal sealed class IssueExport(IAsyncEnumerable<IssueResource> issues, ExportFormat format) : IResult
{
    private static readonly string[] Columns =
    [
        "issue_id", "stream_id", "viewer_id", "session_id", "report_id", "issue_type", "severity", "description", "client_info", "reported_at", "cursor",
    ];

    /// <summary>Spreadsheets run cells that begin with =, +, -, @, a tab or a line break: those get an apostrophe in front.</summary>
    private static readonly CsvWriterOptions Csv = new() { Injection = CsvInjection.Escape };

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        var isCsv = format == ExportFormat.Csv;
        response.ContentType = isCsv ? "text/csv; charset=utf-8" : "application/jsonl; charset=utf-8";
        response.Headers.ContentDisposition = $"attachment; filename=\"issues.{(isCsv ? "csv" : "jsonl")}\"";
        return isCsv ? WriteCsvAsync(response, httpContext.RequestAborted) : WriteJsonAsync(response, httpContext.RequestAborted);
    }

    private async Task WriteCsvAsync(HttpResponse response, CancellationToken cancellationToken)
    {
        await using var csv = CsvWriter.Create(response.Body, Csv, leaveOpen: true);
        await csv.WriteRecordAsync(Columns, cancellationToken);
        await foreach (var issue in issues.WithCancellation(cancellationToken))
        {
            await csv.WriteRecordAsync(Fields(issue), cancellationToken);
        }
    }

    private async Task WriteJsonAsync(HttpResponse response, CancellationToken cancellationToken)
    {
        var line = (byte[])[(byte)'\n'];
        await foreach (var issue in issues.WithCancellation(cancellationToken))
        {
            var exported = new ExportedIssue(issue, IssueQueries.CursorOf(issue).ToString());
            await response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(exported, TelemetryJson.Default.ExportedIssue), cancellationToken);
            await response.Body.WriteAsync(line, cancellationToken);
        }
    }

    private static string[] Fields(IssueResource issue) =>
    [
        issue.IssueId.ToString("D"), issue.StreamId.ToString("D"), issue.ViewerId.ToString("D"), issue.SessionId, issue.ReportId ?? "",
        WireNames<IssueType>.Of(issue.IssueType), WireNames<IssueSeverity>.Of(issue.Severity), issue.Description, issue.ClientInfo?.GetRawText() ?? "",
        Timestamps.Format(issue.ReportedAt), IssueQueries.CursorOf(issue).ToString(),
    ];
}
