using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Security;
using Nova.StreamState.Presence;

namespace Nova.StreamState.Streams;

// Members are nullable although some are required, so that one answer can name every field that is missing.

/// <summary>Body of <c>POST /api/v1/streams</c>.</summary>
/// <param name="Title">What viewers read first.</param>
/// <param name="Description">More about the broadcast; empty by default.</param>
/// <param name="BroadcasterName">The name that viewers see; <c>broadcaster_id</c> by default.</param>
/// <param name="Visibility">Whether every viewer may watch, or only those whose token names the stream; <c>public</c> by default.</param>
/// <param name="StreamId">The id that the caller wants for the stream; a new one by default. An id is used once.</param>
/// <param name="BroadcasterId">Operators only: whose stream it is. Default: the caller.</param>
internal sealed record CreateStreamRequest(
    [property: Required, MaxLength(StreamLimits.Title)] string? Title,
    [property: MaxLength(StreamLimits.Description)] string? Description,
    [property: MaxLength(StreamLimits.BroadcasterName)] string? BroadcasterName,
    StreamVisibility? Visibility,
    [property: DataType("uuid")] string? StreamId,
    [property: MinLength(1), MaxLength(Caller.MaxSubjectLength)] string? BroadcasterId)
{
    public NewStream Validate(Caller caller, FieldErrors errors)
    {
        var broadcaster = BroadcasterId is null ? caller.Subject : errors.Text("broadcaster_id", BroadcasterId, Caller.MaxSubjectLength, required: true);
        var name = errors.Text("broadcaster_name", BroadcasterName, StreamLimits.BroadcasterName);
        return new NewStream(
            errors.Id("stream_id", StreamId) ?? Guid.CreateVersion7(),
            broadcaster,
            name.Length > 0 ? name : broadcaster,
            errors.Text("title", Title, StreamLimits.Title, required: true),
            errors.Text("description", Description, StreamLimits.Description),
            Visibility ?? StreamVisibility.Public);
    }
}

/// <summary>Body of <c>PATCH …</c>: what is absent, or null, stays as it is. At least one member is there.</summary>
/// <param name="Title">What viewers read first.</param>
/// <param name="Description">More about the broadcast.</param>
/// <param name="BroadcasterName">The name that viewers see.</param>
/// <param name="Visibility">Where the stream turns private, viewers whose token does not allow it are closed with 4403.</param>
internal sealed record UpdateStreamRequest(
    [property: MinLength(1), MaxLength(StreamLimits.Title)] string? Title,
    [property: MaxLength(StreamLimits.Description)] string? Description,
    [property: MinLength(1), MaxLength(StreamLimits.BroadcasterName)] string? BroadcasterName,
    StreamVisibility? Visibility)
{
    public UpdateStream Validate(FieldErrors errors)
    {
        if (this is { Title: null, Description: null, BroadcasterName: null, Visibility: null })
        {
            errors.Add("body", "must name at least one of title, description, broadcaster_name, visibility");
        }

        return new UpdateStream(
            Title is null ? null : errors.Text("title", Title, StreamLimits.Title, required: true),
            Description is null ? null : errors.Text("description", Description, StreamLimits.Description),
            BroadcasterName is null ? null : errors.Text("broadcaster_name", BroadcasterName, StreamLimits.BroadcasterName, required: true),
            Visibility);
    }
}

/// <summary>Body of <c>POST …/start</c>.</summary>
/// <param name="Quality">What viewers get at first.</param>
/// <param name="Fps">Frames per second, whole: 29.97 is 30.</param>
/// <param name="BitrateKbps">Of picture and sound together, in kilobits per second.</param>
/// <param name="MaxBitrateKbps">What <c>health</c> is measured against. By default 4,000 for 720p, 6,000 for 1080p, 20,000 for 4k, the highest seen for auto.</param>
internal sealed record StartStreamRequest(
    [property: Required] StreamQuality? Quality,
    [property: Required, Range(1, StreamLimits.Fps)] int? Fps,
    [property: Required, Range(1, StreamLimits.Kbps)] int? BitrateKbps,
    [property: Range(1, StreamLimits.Kbps)] int? MaxBitrateKbps)
{
    public StartStream Validate(FieldErrors errors) => new(
        errors.Required("quality", Quality),
        errors.Number("fps", Fps, 1, StreamLimits.Fps),
        errors.Number("bitrate_kbps", BitrateKbps, 1, StreamLimits.Kbps),
        MaxBitrateKbps is null ? null : errors.Number("max_bitrate_kbps", MaxBitrateKbps, 1, StreamLimits.Kbps));
}

/// <summary>Body of <c>POST …/quality</c>.</summary>
/// <param name="NewQuality">What viewers get from now on.</param>
/// <param name="NewBitrateKbps">In kilobits per second.</param>
/// <param name="Fps">Frames per second; as before by default.</param>
/// <param name="Reason">Why it changes, for viewers' pages and for the judgement of changes that hurt.</param>
internal sealed record ChangeQualityRequest(
    [property: Required] StreamQuality? NewQuality,
    [property: Required, Range(1, StreamLimits.Kbps)] int? NewBitrateKbps,
    [property: Range(1, StreamLimits.Fps)] int? Fps,
    [property: Required] QualityChangeReason? Reason)
{
    public ChangeQuality Validate(FieldErrors errors) => new(
        errors.Required("new_quality", NewQuality),
        errors.Number("new_bitrate_kbps", NewBitrateKbps, 1, StreamLimits.Kbps),
        Fps is null ? null : errors.Number("fps", Fps, 1, StreamLimits.Fps),
        errors.Required("reason", Reason));
}

/// <summary>Body of <c>POST …/bitrate</c>.</summary>
/// <param name="CurrentBitrateKbps">Measured now, in kilobits per second; viewers get the newest at most every 5 seconds.</param>
internal sealed record BitrateSampleRequest([property: Required, Range(0, StreamLimits.Kbps)] int? CurrentBitrateKbps)
{
    public int Validate(FieldErrors errors) => errors.Number("current_bitrate_kbps", CurrentBitrateKbps, 0, StreamLimits.Kbps);
}

/// <summary>Body of <c>POST …/error</c>.</summary>
/// <param name="ErrorCode">One of the protocol's, or one of yours: upper-case letters, digits and _.</param>
/// <param name="ErrorMessage">What happened, for people.</param>
/// <param name="Severity">How bad it is. <c>error</c> and <c>critical</c> are told to late joiners, too, until a milder one follows.</param>
/// <param name="Recoverable">Whether viewers can go on without reconnecting.</param>
/// <param name="SuggestedAction">What viewers can do.</param>
internal sealed record PublishErrorRequest(
    [property: Required, MaxLength(StreamLimits.ErrorCode), RegularExpression(StreamLimits.ErrorCodePattern)] string? ErrorCode,
    [property: Required, MaxLength(StreamLimits.ErrorText)] string? ErrorMessage,
    [property: Required] ErrorSeverity? Severity,
    [property: Required] bool? Recoverable,
    [property: Required, MaxLength(StreamLimits.ErrorText)] string? SuggestedAction)
{
    public PublishError Validate(FieldErrors errors)
    {
        var code = errors.Text("error_code", ErrorCode, StreamLimits.ErrorCode, required: true);
        if (code.Length > 0 && !Regex.IsMatch(code, StreamLimits.ErrorCodePattern))
        {
            errors.Add("error_code", "must be upper-case letters, digits and _ such as BUFFER_OVERFLOW");
        }

        return new PublishError(
            code,
            errors.Text("error_message", ErrorMessage, StreamLimits.ErrorText, required: true),
            errors.Required("severity", Severity),
            errors.Required("recoverable", Recoverable),
            errors.Text("suggested_action", SuggestedAction, StreamLimits.ErrorText, required: true));
    }
}

/// <summary>Body of <c>POST …/end</c>; the whole body may be absent.</summary>
/// <param name="Reason">Why the broadcast is over; <c>broadcaster_ended</c> by default.</param>
internal sealed record EndStreamRequest(EndReason? Reason);

/// <summary>What a kick asks for; it comes in the path.</summary>
internal sealed record KickViewerRequest(Guid ViewerId);

/// <summary>A stream: one broadcast, from its schedule to its end.</summary>
/// <param name="StreamId">Its id, for ever.</param>
/// <param name="Version">Goes up with every change; the same as <c>ETag</c>.</param>
/// <param name="BroadcasterId">The <c>sub</c> of the token that may change it.</param>
/// <param name="BroadcasterName">The name that viewers see.</param>
/// <param name="Title">What viewers read first.</param>
/// <param name="Description">More about the broadcast.</param>
/// <param name="Visibility">Whether every viewer may watch, or only those whose token names the stream.</param>
/// <param name="Status">Where it stands: scheduled, active, ended. Ended is for good.</param>
/// <param name="Quality">What viewers get now; <c>auto</c> before the start.</param>
/// <param name="Fps">Frames per second; 0 before the start.</param>
/// <param name="BitrateKbps">As announced last, in kilobits per second; 0 before the start.</param>
/// <param name="MaxBitrateKbps">What <c>health</c> is measured against.</param>
/// <param name="ViewerCount">Watching now; after the end, when it ended.</param>
/// <param name="PeakViewers">Most at once in this broadcast.</param>
/// <param name="DurationSeconds">Since the start; after the end, from start to end.</param>
/// <param name="CreatedAt">When it was scheduled.</param>
/// <param name="StartedAt">When it began; null before.</param>
/// <param name="EndedAt">When it ended; null before.</param>
/// <param name="EndReason">Why it ended; null before.</param>
/// <param name="FinalViewerCount">Viewers when it ended; null before (S54).</param>
internal sealed record StreamResource(
    Guid StreamId, long Version, string BroadcasterId, string BroadcasterName, string Title, string Description, StreamVisibility Visibility,
    StreamStatus Status, StreamQuality Quality, int Fps, int BitrateKbps, int MaxBitrateKbps, int ViewerCount, int PeakViewers,
    long DurationSeconds, DateTimeOffset CreatedAt, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, EndReason? EndReason, int? FinalViewerCount)
{
    /// <param name="totals">Null where Redis cannot be asked, or need not be.</param>
    public static StreamResource From(StreamRecord stream, PresenceTotals? totals, DateTimeOffset now)
    {
        var numbers = stream.Status == StreamStatus.Ended ? null : totals;
        return new(
            stream.StreamId, stream.Version, stream.BroadcasterId, stream.BroadcasterName, stream.Title, stream.Description, stream.Visibility,
            stream.Status, stream.Quality, stream.Fps, stream.BitrateKbps, stream.EffectiveMaxBitrateKbps,
            numbers?.ViewerCount ?? stream.ViewerCount, Math.Max(numbers?.PeakViewers ?? 0, stream.PeakViewers),
            stream.DurationSeconds(now), stream.CreatedAt, stream.StartedAt, stream.EndedAt, stream.EndReason,
            stream.Status == StreamStatus.Ended ? stream.ViewerCount : null);
    }
}

/// <summary>A page of streams, newest first.</summary>
/// <param name="Streams">Those that the caller may watch.</param>
/// <param name="NextCursor">For the next page; null on the last.</param>
internal sealed record StreamPage(IReadOnlyList<StreamResource> Streams, string? NextCursor);

/// <summary>The answer to <c>POST …/bitrate</c> and <c>POST …/error</c>.</summary>
/// <param name="StreamId">The stream's.</param>
/// <param name="Version">After the change; the same as <c>ETag</c>.</param>
internal sealed record Accepted(Guid StreamId, long Version);

/// <summary>The answer to a kick.</summary>
/// <param name="StreamId">The stream's.</param>
/// <param name="ViewerId">Whose sockets close with 4403.</param>
/// <param name="Version">After the kick; the same as <c>ETag</c>.</param>
internal sealed record ViewerKicked(Guid StreamId, Guid ViewerId, long Version);

/// <summary>Longest texts, in characters, and highest numbers that the API takes.</summary>
internal static class StreamLimits
{
    public const int Title = 200;
    public const int Description = 5000;
    public const int BroadcasterName = 100;
    public const int ErrorCode = 64;
    public const string ErrorCodePattern = @"^[A-Z][A-Z0-9_]*\z";
    public const int ErrorText = 500;
    public const int Fps = 240;
    public const int Kbps = 1_000_000;
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, Converters = [typeof(TimestampConverter)], AllowDuplicateProperties = false)]
[JsonSerializable(typeof(CreateStreamRequest))]
[JsonSerializable(typeof(UpdateStreamRequest))]
[JsonSerializable(typeof(StartStreamRequest))]
[JsonSerializable(typeof(ChangeQualityRequest))]
[JsonSerializable(typeof(BitrateSampleRequest))]
[JsonSerializable(typeof(PublishErrorRequest))]
[JsonSerializable(typeof(EndStreamRequest))]
[JsonSerializable(typeof(KickViewerRequest))]
[JsonSerializable(typeof(StreamPage))]
[JsonSerializable(typeof(StreamResource))]
[JsonSerializable(typeof(Accepted))]
[JsonSerializable(typeof(ViewerKicked))]
internal sealed partial class StreamStateJson : JsonSerializerContext;
