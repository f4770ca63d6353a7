using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Security;
using Nova.StreamState.Presence;

namespace Nova.StreamState.Streams;

/// <summary>The publisher's API (PROTOCOL.md 3.2).</summary>
internal static class StreamsApi
{
    private const int DefaultPageSize = 50;
    private const int MaxPageSize = 200;

    public static void MapStreamsApi(this WebApplication app)
    {
        var streams = app.MapGroup("/api/v1/streams").RequireAuthorization().WithTags("Streams").ProducesProblem(StatusCodes.Status401Unauthorized);

        streams.MapGet("/", ListAsync).WithName("ListStreams").WithSummary("Streams the caller may watch, newest first")
            .Produces<StreamPage>().ProducesProblem(400);
        streams.MapPost("/", CreateAsync).RequirePublisher().WithName("CreateStream").WithSummary("Schedule a broadcast")
            .Produces<StreamResource>(201).ProducesProblem(400).ProducesProblem(403).ProducesProblem(409).ProducesProblem(422);
        streams.MapGet("/{id}", GetAsync).WithName("GetStream").WithSummary("A stream with its viewers now")
            .Produces<StreamResource>().ProducesProblem(403).ProducesProblem(404);

        streams.MapPatch("/{id}", UpdateAsync).IsChange("UpdateStream", "Change title, description, name or visibility").Produces<StreamResource>();
        streams.MapDelete("/{id}", DeleteAsync).IsChange("DeleteStream", "Delete a stream that has not started").Produces(204);

        streams.MapPost("/{id}/start", StartAsync).IsChange("StartStream", "Begin the broadcast").Produces<StreamResource>();
        streams.MapPost("/{id}/quality", ChangeQualityAsync).IsChange("ChangeQuality", "Broadcast a new quality").Produces<StreamResource>();
        streams.MapPost("/{id}/error", PublishErrorAsync).IsChange("PublishError", "Broadcast an error").Produces<Accepted>(202);
        streams.MapPost("/{id}/end", EndAsync).IsChange("EndStream", "End the broadcast, for good").Produces<StreamResource>();
        streams.MapDelete("/{id}/viewers/{viewerId}", KickAsync)
            .IsChange("KickViewer", "Close a viewer's sockets on every gateway and refuse it for a while").Produces<ViewerKicked>(202);
    }

    /// <summary>Names a call that changes a stream, and says how it can be refused. Its caller's role is judged before its body is read (S42).</summary>
    public static RouteHandlerBuilder IsChange(this RouteHandlerBuilder route, string name, string summary) =>
        route.RequirePublisher().WithName(name).WithSummary(summary)
            .ProducesProblem(400).ProducesProblem(403).ProducesProblem(404).ProducesProblem(409).ProducesProblem(412).ProducesProblem(422);

    private static async Task<IResult> ListAsync(
        Caller caller, StreamQueries queries, PresenceReader presence, TimeProvider time, string? status,
        [FromQuery(Name = "broadcaster_id")] string? broadcasterId, string? cursor, string? limit, CancellationToken cancellationToken)
    {
        var errors = new FieldErrors();
        var filter = new StreamFilter(
            caller,
            errors.Choice<StreamStatus>("status", status, WireNames<StreamStatus>.TryParse, WireNames<StreamStatus>.Choices),
            string.IsNullOrEmpty(broadcasterId) ? null : errors.Text("broadcaster_id", broadcasterId, Caller.MaxSubjectLength),
            PageCursor.Read(cursor, errors));
        var size = errors.Limit("limit", limit, DefaultPageSize, MaxPageSize);
        if (errors.Any)
        {
            return Problems.Invalid(errors.All);
        }

        var rows = await queries.ListAsync(filter, size + 1, cancellationToken);
        var page = rows.Take(size).ToList();
        var totals = await presence.ReadAsync(
            [.. page.Where(stream => stream.Status != StreamStatus.Ended).Select(stream => stream.StreamId)], PresenceReader.Patience, cancellationToken);
        var now = time.GetUtcNow();
        return TypedResults.Ok(new StreamPage(
            [.. page.Select(stream => StreamResource.From(stream, totals.TryGetValue(stream.StreamId, out var live) ? live : null, now))],
            rows.Count > size ? new PageCursor(page[^1].CreatedAt, page[^1].StreamId).ToString() : null));
    }

    private static Task<IResult> CreateAsync(
        CreateStreamRequest request, Caller caller, HttpContext http, PublisherCalls calls, CancellationToken cancellationToken) =>
        calls.CreateAsync(http, caller, request, cancellationToken);

    private static async Task<IResult> GetAsync(
        string id, Caller caller, StreamQueries queries, PresenceReader presence, StreamResults results, CancellationToken cancellationToken)
    {
        if (!Uuid.TryParse(id, out var streamId) || await queries.FindAsync(streamId, cancellationToken) is not { } stream)
        {
            return StreamProblems.NotFound();
        }

        return caller.MayWatch(streamId, stream.Visibility == StreamVisibility.Private, stream.BroadcasterId)
            ? results.Of(StatusCodes.Status200OK, stream, await presence.ReadAsync(streamId, PresenceReader.Patience, cancellationToken))
            : Problems.Create(StatusCodes.Status403Forbidden, ErrorCodes.Unauthorized, "This token does not allow watching this stream.");
    }

    private static Task<IResult> UpdateAsync(string id, UpdateStreamRequest request, HttpContext http, PublisherCalls calls, CancellationToken cancellationToken)
    {
        var errors = new FieldErrors();
        return calls.ApplyAsync(http, id, request, errors, new UpdateCommand(request.Validate(errors)), cancellationToken);
    }

    private static Task<IResult> DeleteAsync(string id, HttpContext http, PublisherCalls calls, CancellationToken cancellationToken) =>
        calls.ApplyAsync(http, id, null, new FieldErrors(), new DeleteCommand(), cancellationToken);

    private static Task<IResult> StartAsync(string id, StartStreamRequest request, HttpContext http, PublisherCalls calls, CancellationToken cancellationToken)
    {
        var errors = new FieldErrors();
        return calls.ApplyAsync(http, id, request, errors, new StartCommand(request.Validate(errors)), cancellationToken);
    }

    private static Task<IResult> ChangeQualityAsync(
        string id, ChangeQualityRequest request, HttpContext http, PublisherCalls calls, CancellationToken cancellationToken)
    {
        var errors = new FieldErrors();
        return calls.ApplyAsync(http, id, request, errors, new ChangeQualityCommand(request.Validate(errors)), cancellationToken);
    }

    private static Task<IResult> PublishErrorAsync(
        string id, PublishErrorRequest request, HttpContext http, PublisherCalls calls, CancellationToken cancellationToken)
    {
        var errors = new FieldErrors();
        return calls.ApplyAsync(http, id, request, errors, new PublishErrorCommand(request.Validate(errors)), cancellationToken);
    }

    private static Task<IResult> EndAsync(
        string id, HttpContext http, PublisherCalls calls, CancellationToken cancellationToken,
        [FromBody(EmptyBodyBehavior = Microsoft.AspNetCore.Mvc.ModelBinding.EmptyBodyBehavior.Allow)] EndStreamRequest? request = null) =>
        calls.ApplyAsync(
            http, id, request ?? new EndStreamRequest(null), new FieldErrors(), new EndCommand(request?.Reason ?? EndReason.BroadcasterEnded), cancellationToken);

    private static async Task<IResult> KickAsync(
        string id, string viewerId, HttpContext http, PublisherCalls calls, IOptions<StreamStateOptions> options, CancellationToken cancellationToken) =>
        Uuid.TryParse(viewerId, out var viewer)
            ? await calls.ApplyAsync(
                http, id, new KickViewerRequest(viewer), new FieldErrors(), new KickCommand(viewer, options.Value.KickDuration), cancellationToken)
            : Problems.Create(StatusCodes.Status404NotFound, "VIEWER_NOT_FOUND", "A viewer id is a UUID, as connection_established says it.");
}
