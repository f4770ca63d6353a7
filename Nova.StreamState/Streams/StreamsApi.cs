using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.StreamState.Ingest;

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
        streams.MapPost("/", CreateAsync).WithName("CreateStream").WithSummary("Schedule a broadcast")
            .Produces<StreamResource>(201).ProducesProblem(400).ProducesProblem(403).ProducesProblem(409).ProducesProblem(422);
        streams.MapGet("/{id}", GetAsync).WithName("GetStream").WithSummary("A stream with its viewers now")
            .Produces<StreamResource>().ProducesProblem(403).ProducesProblem(404);

        MapChange(streams.MapPost("/{id}/start", StartAsync), "StartStream", "Begin the broadcast").Produces<StreamResource>();
        MapChange(streams.MapPost("/{id}/quality", ChangeQualityAsync), "ChangeQuality", "Tell viewers of a new quality").Produces<StreamResource>();
        MapChange(streams.MapPost("/{id}/error", PublishErrorAsync), "PublishError", "Tell viewers of an error").Produces<Accepted>(202);
        MapChange(streams.MapPost("/{id}/end", EndAsync), "EndStream", "End the broadcast, for good").Produces<StreamResource>();
        MapChange(streams.MapPost("/{id}/bitrate", MeasureBitrateAsync), "MeasureBitrate", "Report a bitrate measurement; a sign of life").Produces<Accepted>(202);
        MapChange(streams.MapPost("/{id}/heartbeat", HeartbeatAsync), "Heartbeat", "A sign of life; the first one starts the watch").Produces(204);
        streams.MapDelete("/{id}/viewers/{viewerId}", KickAsync).WithName("KickViewer").WithSummary("Close a viewer's sockets on every gateway and keep it out for a while")
            .Produces<ViewerKicked>(202).ProducesProblem(403).ProducesProblem(404).ProducesProblem(409).ProducesProblem(412);
    }

    private static RouteHandlerBuilder MapChange(RouteHandlerBuilder route, string name, string summary) =>
        route.WithName(name).WithSummary(summary)
            .ProducesProblem(400).ProducesProblem(403).ProducesProblem(404).ProducesProblem(409).ProducesProblem(412).ProducesProblem(422);

    private static async Task<IResult> ListAsync(
        Caller caller, StreamStore store, LiveNumbersReader liveNumbers, TimeProvider time, string? status,
        [FromQuery(Name = "broadcaster_id")] string? broadcasterId, string? cursor, string? limit, CancellationToken cancellationToken)
    {
        var errors = new FieldErrors();
        var filter = new StreamFilter(
            caller,
            errors.Choice<StreamStatus>("status", status, WireNames<StreamStatus>.TryParse, WireNames<StreamStatus>.Choices),
            string.IsNullOrEmpty(broadcasterId) ? null : errors.Text("broadcaster_id", broadcasterId, 200),
            PageCursor.Read(cursor, errors));
        var size = errors.Limit("limit", limit, DefaultPageSize, MaxPageSize);
        if (errors.Any)
        {
            return Problems.Invalid(errors.All);
        }

        var rows = await store.ListAsync(filter, size + 1, cancellationToken);
        var page = rows.Take(size).ToList();
        var live = await Task.WhenAll(page.Select(stream => liveNumbers.ReadAsync(stream.StreamId)));
        var now = time.GetUtcNow();
        return TypedResults.Ok(new StreamPage(
            [.. page.Select((stream, index) => StreamResource.From(stream, live[index], now))],
            rows.Count > size ? new PageCursor(page[^1].CreatedAt, page[^1].StreamId).ToString() : null));
    }

    private static Task<IResult> CreateAsync(
        CreateStreamRequest request, Caller caller, HttpContext http, StreamChanges changes, CancellationToken cancellationToken) =>
        changes.CreateAsync(http, caller, request, cancellationToken);

    private static async Task<IResult> GetAsync(
        string id, Caller caller, StreamStore store, LiveNumbersReader liveNumbers, StreamChanges changes, CancellationToken cancellationToken)
    {
        if (!StreamChanges.TryReadId(id, out var streamId) || await store.FindAsync(streamId, cancellationToken) is not { Stream: var stream })
        {
            return StreamChanges.NotFound();
        }

        return caller.MayWatch(streamId, stream.Visibility == StreamVisibility.Private, stream.BroadcasterId)
            ? changes.AnswerWith(StatusCodes.Status200OK, stream, await liveNumbers.ReadAsync(streamId))
            : Problems.Create(StatusCodes.Status403Forbidden, ErrorCodes.Unauthorized, "This token does not allow watching this stream.");
    }

    private static async Task<IResult> StartAsync(
        string id, StartStreamRequest request, HttpContext http, StreamChanges changes, CancellationToken cancellationToken)
    {
        var errors = new FieldErrors();
        var start = request.Validate(errors);
        return errors.Any ? Problems.Invalid(errors.All) : await changes.ApplyAsync(
            http, id, request, IngestSignal.Alive,
            (locked, live) => StreamLifecycle.Start(locked.Stream, start, live.ViewerCount, locked.Now), cancellationToken);
    }

    private static async Task<IResult> ChangeQualityAsync(
        string id, ChangeQualityRequest request, HttpContext http, StreamChanges changes, CancellationToken cancellationToken)
    {
        var errors = new FieldErrors();
        var change = request.Validate(errors);
        return errors.Any ? Problems.Invalid(errors.All) : await changes.ApplyAsync(
            http, id, request, IngestSignal.Alive,
            (locked, _) => StreamLifecycle.ChangeQuality(locked.Stream, change, locked.Now), cancellationToken);
    }

    private static async Task<IResult> PublishErrorAsync(
        string id, PublishErrorRequest request, HttpContext http, StreamChanges changes, CancellationToken cancellationToken)
    {
        var errors = new FieldErrors();
        var error = request.Validate(errors);
        return errors.Any ? Problems.Invalid(errors.All) : await changes.SendAsync(
            http, id, request, IngestSignal.Heard, (locked, _) => StreamLifecycle.ReportError(locked.Stream, error, locked.Now), cancellationToken);
    }

    private static Task<IResult> EndAsync(
        string id, HttpContext http, StreamChanges changes, CancellationToken cancellationToken,
        [FromBody(EmptyBodyBehavior = Microsoft.AspNetCore.Mvc.ModelBinding.EmptyBodyBehavior.Allow)] EndStreamRequest? request = null) =>
        changes.ApplyAsync(
            http, id, request ?? new EndStreamRequest(null), IngestSignal.None,
            (locked, live) => StreamLifecycle.End(locked.Stream, request?.Reason ?? EndReason.BroadcasterEnded, live, locked.Now), cancellationToken);

    private static async Task<IResult> MeasureBitrateAsync(
        string id, BitrateSampleRequest request, HttpContext http, Caller caller, StreamChanges changes, SignsOfLife signs, BitrateSampler sampler,
        CancellationToken cancellationToken)
    {
        var errors = new FieldErrors();
        var kbps = request.Validate(errors);
        if (errors.Any)
        {
            return Problems.Invalid(errors.All);
        }

        var (stream, refusal) = await changes.FindForPublisherAsync(http.Request, caller, id, cancellationToken);
        if (stream is null)
        {
            return refusal!;
        }

        await sampler.AddAsync(stream, kbps, cancellationToken);
        await signs.SeenAsync(stream.StreamId, heartbeat: false, cancellationToken);
        return changes.AcceptedFor(stream);
    }

    private static async Task<IResult> HeartbeatAsync(
        string id, HttpContext http, Caller caller, StreamChanges changes, SignsOfLife signs, CancellationToken cancellationToken)
    {
        var (stream, refusal) = await changes.FindForPublisherAsync(http.Request, caller, id, cancellationToken);
        if (stream is null)
        {
            return refusal!;
        }

        await signs.SeenAsync(stream.StreamId, heartbeat: true, cancellationToken);
        return new StreamAnswer(StatusCodes.Status204NoContent, stream.StreamId, stream.Version, "");
    }

    private static async Task<IResult> KickAsync(
        string id, string viewerId, HttpContext http, StreamChanges changes, IOptions<StreamStateOptions> options, CancellationToken cancellationToken)
    {
        if (!Uuid.TryParse(viewerId, out var viewer))
        {
            return Problems.Create(StatusCodes.Status404NotFound, "VIEWER_NOT_FOUND", "A viewer id is a UUID, as connection_established says it.");
        }

        return await changes.KickAsync(
            http, id, viewer, (locked, _) => StreamLifecycle.RemoveViewer(locked.Stream, viewer, options.Value.RemovalPeriod, locked.Now), cancellationToken);
    }
}
