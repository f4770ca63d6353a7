using Nova.Protocol;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Security;
using Nova.Telemetry.Access;

namespace Nova.Telemetry.Issues;

/// <summary>Reports in from the gateways, and out to operators and broadcasters (PROTOCOL.md 3.3).</summary>
internal static class IssuesApi
{
    public const int DefaultPageSize = 50;
    public const int MaxPageSize = 500;
    private const int MaxBatch = 1000;

    public static void MapIssuesApi(this WebApplication app)
    {
        app.MapInternal().MapPost("/issues", AddAsync);
        var issues = app.MapGroup("/api/v1/issues").RequireAuthorization().WithTags("Issues").ProducesProblem(400).ProducesProblem(401).ProducesProblem(403);
        issues.MapGet("/", ListAsync).WithName("ListIssues").WithSummary("Viewers' issue reports, newest first; of all streams for operators only").Produces<IssuePage>();
        issues.MapGet("/export", ExportAsync).WithName("ExportIssues").Produces<string>(contentType: "text/csv").Produces<string>(contentType: "application/jsonl")
            .WithSummary("All reports that match, as CSV or as a JSON object to a line");
    }

    /// <summary>Answers after commit: what is in the answer is durable.</summary>
    private static async Task<IResult> AddAsync(IssueBatch batch, IssueStore store, TelemetryMetrics metrics, CancellationToken cancellationToken)
    {
        if (batch.Issues is not { Count: > 0 and <= MaxBatch })
        {
            return Problems.Invalid("issues", $"must hold 1 to {MaxBatch} reports");
        }

        var ids = await store.AddAsync(batch.Issues, cancellationToken);
        metrics.BatchStored(batch.Issues);
        return TypedResults.Ok(new IssueBatchReceipt(ids));
    }

    private static async Task<IResult> ListAsync(
        [AsParameters] IssueQuery query, string? cursor, string? limit, Caller caller, ReportAccess access, IssueQueries issues, CancellationToken cancellationToken)
    {
        var errors = new FieldErrors();
        var filter = query.Read(errors);
        var after = PageCursor.Read(cursor, errors);
        var size = errors.Limit("limit", limit, DefaultPageSize, MaxPageSize);
        if (errors.Any)
        {
            return Problems.Invalid(errors.All);
        }

        if (await access.CheckAsync(caller, filter.StreamId, cancellationToken) is { } refusal)
        {
            return refusal;
        }

        var rows = await issues.ListAsync(filter, after, size + 1, cancellationToken);
        return TypedResults.Ok(new IssuePage([.. rows.Take(size)], rows.Count > size ? IssueQueries.CursorOf(rows[size - 1]).ToString() : null));
    }

    private static async Task<IResult> ExportAsync(
        [AsParameters] IssueQuery query, string? format, string? cursor, Caller caller, ReportAccess access, IssueQueries issues, CancellationToken cancellationToken)
    {
        var errors = new FieldErrors();
        var filter = query.Read(errors);
        var after = PageCursor.Read(cursor, errors);
        var chosen = errors.Choice<ExportFormat>("format", format, TryParseFormat, "csv, jsonl") ?? ExportFormat.Csv;
        return errors.Any ? Problems.Invalid(errors.All)
            : await access.CheckAsync(caller, filter.StreamId, cancellationToken)
                ?? new IssueExport(issues.ReadAllAsync(filter, after, cancellationToken), chosen);
    }

    private static bool TryParseFormat(string? text, out ExportFormat format)
    {
        format = text == "jsonl" ? ExportFormat.JsonLines : ExportFormat.Csv;
        return text is "csv" or "jsonl";
    }
}
