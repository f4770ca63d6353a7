using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Security;
using Nova.Telemetry.Access;
using Nova.Telemetry.Issues;

namespace Nova.Telemetry.Feed;

/// <summary>Reports and alerts as they are stored, as server-sent events.</summary>
internal static class FeedApi
{
    /// <summary>Kestrel cuts off who takes nothing for 5 s; a reader that takes something again within 30 s is told why it is let go.</summary>
    private static readonly MinDataRate Slowest = new(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(30));

    public static void MapFeedApi(this WebApplication app) =>
        app.MapGet("/api/v1/issues/stream", StreamAsync).RequireAuthorization().WithTags("Issues").WithName("StreamIssues")
            .Produces<string>(contentType: "text/event-stream").ProducesProblem(400).ProducesProblem(401).ProducesProblem(403)
            .WithSummary("Reports and alerts as they are stored, as server-sent events; Last-Event-ID goes on where a reader was");

    private static async Task<IResult> StreamAsync(
        [AsParameters] IssueQuery query, HttpContext http, Caller caller, ReportAccess access, IssueFeed feed, CancellationToken cancellationToken)
    {
        var errors = new FieldErrors();
        var filter = query.Read(errors);
        FeedPosition? after = null;
        if (http.Request.Headers["Last-Event-ID"].ToString() is { Length: > 0 } lastId)
        {
            after = FeedPosition.TryParse(lastId, out var position) ? position : null;
            if (after is null)
            {
                errors.Add("Last-Event-ID", "must be the id of an event of this feed");
            }
        }

        if (errors.Any)
        {
            return Problems.Invalid(errors.All);
        }

        if (await access.CheckAsync(caller, filter.StreamId, cancellationToken) is { } refusal)
        {
            return refusal;
        }

        if (http.Features.Get<IHttpMinResponseDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = Slowest;
        }

        return TypedResults.ServerSentEvents<string>(feed.ReadAsync(filter, after, http.Response, cancellationToken));
    }
}
