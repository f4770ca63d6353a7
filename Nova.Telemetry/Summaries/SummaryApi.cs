using Microsoft.AspNetCore.Mvc;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Security;
using Nova.Telemetry.Access;
using Nova.Telemetry.Issues;
using Nova.Telemetry.Quality;
using Nova.Telemetry.Timeline;

namespace Nova.Telemetry.Summaries;

/// <summary>Reports counted over time: of one stream, with its audience, and of all streams.</summary>
internal static class SummaryApi
{
    private static readonly TimeSpan UsualLength = TimeSpan.FromDays(1);

    /// <summary>Reports are counted in memory, and those of all streams may be a million a day.</summary>
    private static readonly TimeSpan MaxLengthOfAll = TimeSpan.FromDays(1);

    public static void MapSummaryApi(this WebApplication app)
    {
        var issues = app.MapGroup("/api/v1").RequireAuthorization().WithTags("Issues").ProducesProblem(400).ProducesProblem(401).ProducesProblem(403);
        issues.MapGet("/issues/summary", OfAllAsync).WithName("SummarizeIssues").Produces<IssueSummary>()
            .WithSummary("Reports counted over time, by type and severity, and by player, browser, system, network and bandwidth");
        issues.MapGet("/streams/{id}/issues/summary", OfStreamAsync).WithName("SummarizeStreamIssues").Produces<IssueSummary>().ProducesProblem(404)
            .WithSummary("The same of one stream, with rates per 1,000 viewers; for its broadcaster too");
    }

    private static async Task<IResult> OfAllAsync(
        [AsParameters] IssueQuery query, string? bucket, Caller caller, ReportAccess access, SummaryQueries summaries, TimeProvider time,
        CancellationToken cancellationToken)
    {
        var errors = new FieldErrors();
        var filter = query.Read(errors);
        var range = TimeRange.Read(bucket, filter.Since, filter.Until, Usual(time, filter.Until), errors, MaxLengthOfAll);
        return errors.Any ? Problems.Invalid(errors.All)
            : await access.CheckAsync(caller, filter.StreamId, cancellationToken)
                ?? TypedResults.Ok(await summaries.ReadAsync(filter with { Since = range.Since, Until = range.Until }, range, watching: null, cancellationToken));
    }

    private static async Task<IResult> OfStreamAsync(
        string id, string? bucket, string? since, string? until, [FromQuery(Name = "issue_type")] string? issueType, string? severity, Caller caller,
        ReportAccess access, SummaryQueries summaries, TimelineStore timeline, TimeProvider time, CancellationToken cancellationToken)
    {
        var (stream, refusal) = await access.FindAsync(caller, id, cancellationToken);
        if (stream is null)
        {
            return refusal!;
        }

        var errors = new FieldErrors();
        var filter = new IssueQuery(StreamId: null, since, until, issueType, severity).Read(errors) with { StreamId = stream.StreamId };
        var range = TimeRange.Read(bucket, filter.Since, filter.Until, Usual(time, filter.Until), errors);
        if (errors.Any)
        {
            return Problems.Invalid(errors.All);
        }

        var audience = await timeline.ReadAudienceAsync(stream.StreamId, range.Since, range.Until, cancellationToken);
        return TypedResults.Ok(await summaries.ReadAsync(filter with { Since = range.Since, Until = range.Until }, range, audience, cancellationToken));
    }

    private static (DateTimeOffset Since, DateTimeOffset Until) Usual(TimeProvider time, DateTimeOffset? until)
    {
        var end = until ?? time.GetUtcNow();
        return (end - UsualLength, end);
    }
}
