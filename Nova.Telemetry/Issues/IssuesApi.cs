using Microsoft.AspNetCore.Mvc;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Security;

namespace Nova.Telemetry.Issues;

/// <summary>Reports in from the gateways, and out to operators (PROTOCOL.md 3.3).</summary>
internal static class IssuesApi
{
    private const int DefaultPageSize = 50;
    private const int MaxPageSize = 500;
    private const int MaxBatch = 1000;

    public static void MapIssuesApi(this WebApplication app)
    {
        app.MapInternal().MapPost("/issues", AddAsync);
        app.MapGet("/api/v1/issues", ListAsync).RequireAuthorization().WithTags("Issues")
            .WithName("ListIssues").WithSummary("Viewers' issue reports, newest first; operators only")
            .Produces<IssuePage>().ProducesProblem(400).ProducesProblem(401).ProducesProblem(403);
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
        Caller caller,
        IssueStore store,
        [FromQuery(Name = "stream_id")] string? streamId,
        string? since,
        string? until,
        [FromQuery(Name = "issue_type")] string? issueType,
        string? severity,
        string? cursor,
        string? limit,
        CancellationToken cancellationToken)
    {
        if (caller.Role != CallerRole.Operator)
        {
            return Problems.Create(StatusCodes.Status403Forbidden, ErrorCodes.Unauthorized, "Only operators read issue reports.");
        }

        var errors = new FieldErrors();
        var filter = new IssueFilter(
            errors.Id("stream_id", streamId),
            errors.Time("since", since),
            errors.Time("until", until),
            errors.Choice<IssueType>("issue_type", issueType, WireNames<IssueType>.TryParse, WireNames<IssueType>.Choices),
            errors.Choice<IssueSeverity>("severity", severity, WireNames<IssueSeverity>.TryParse, WireNames<IssueSeverity>.Choices),
            PageCursor.Read(cursor, errors));
        var size = errors.Limit("limit", limit, DefaultPageSize, MaxPageSize);
        if (errors.Any)
        {
            return Problems.Invalid(errors.All);
        }

        var rows = await store.ListAsync(filter, size + 1, cancellationToken);
        return TypedResults.Ok(new IssuePage(
            [.. rows.Take(size)],
            rows.Count > size ? new PageCursor(rows[size - 1].ReportedAt, rows[size - 1].IssueId).ToString() : null));
    }
}
