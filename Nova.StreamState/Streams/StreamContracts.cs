using System.Text.Json.Serialization;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Security;
using Nova.StreamState.Presence;

namespace Nova.StreamState.Streams;

// Members are nullable although some are required, so that one answer can name every field that is missing.

/// <summary>Body of <c>POST /api/v1/streams</c>.</summary>
/// <param name="BroadcasterId">Operators only: whose stream it is. Default: the caller.</param>
internal sealed record CreateStreamRequest(
    string? Title, string? Description, string? BroadcasterName, StreamVisibility? Visibility, string? StreamId, string? BroadcasterId)
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

/// <summary>Body of <c>PATCH …</c>: what is absent stays as it is.</summary>
internal sealed record UpdateStreamRequest(string? Title, string? Description, string? BroadcasterName, StreamVisibility? Visibility)
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
internal sealed record StartStreamRequest(StreamQuality? Quality, int? Fps, int? BitrateKbps, int? MaxBitrateKbps)
{
    public StartStream Validate(FieldErrors errors) => new(
        errors.Required("quality", Quality),
        errors.Number("fps", Fps, 1, StreamLimits.Fps),
        errors.Number("bitrate_kbps", BitrateKbps, 1, StreamLimits.Kbps),
        MaxBitrateKbps is null ? null : errors.Number("max_bitrate_kbps", MaxBitrateKbps, 1, StreamLimits.Kbps));
}

/// <summary>Body of <c>POST …/quality</c>.</summary>
internal sealed record ChangeQualityRequest(StreamQuality? NewQuality, int? NewBitrateKbps, int? Fps, QualityChangeReason? Reason)
{
    public ChangeQuality Validate(FieldErrors errors) => new(
        errors.Required("new_quality", NewQuality),
        errors.Number("new_bitrate_kbps", NewBitrateKbps, 1, StreamLimits.Kbps),
        Fps is null ? null : errors.Number("fps", Fps, 1, StreamLimits.Fps),
        errors.Required("reason", Reason));
}

/// <summary>Body of <c>POST …/bitrate</c>.</summary>
internal sealed record BitrateSampleRequest(int? CurrentBitrateKbps)
{
    public int Validate(FieldErrors errors) => errors.Number("current_bitrate_kbps", CurrentBitrateKbps, 0, StreamLimits.Kbps);
}

/// <summary>Body of <c>POST …/error</c>.</summary>
internal sealed record PublishErrorRequest(
    string? ErrorCode, string? ErrorMessage, ErrorSeverity? Severity, bool? Recoverable, string? SuggestedAction)
{
    public PublishError Validate(FieldErrors errors)
    {
        var code = errors.Text("error_code", ErrorCode, StreamLimits.ErrorCode, required: true);
        if (code.Length > 0 && (!char.IsAsciiLetterUpper(code[0]) || !code.All(c => char.IsAsciiLetterUpper(c) || char.IsAsciiDigit(c) || c == '_')))
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
internal sealed record EndStreamRequest(EndReason? Reason);

/// <summary>What a kick asks for; it comes in the path.</summary>
internal sealed record KickViewerRequest(Guid ViewerId);

/// <summary>A stream as the API shows it.</summary>
/// <param name="ViewerCount">Watching now; after the end, when it ended.</param>
/// <param name="PeakViewers">Most at once in this broadcast.</param>
/// <param name="MaxBitrateKbps">What <c>health</c> is measured against.</param>
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
/// <param name="NextCursor">For the next page; null on the last.</param>
internal sealed record StreamPage(IReadOnlyList<StreamResource> Streams, string? NextCursor);

/// <summary>The answer to <c>POST …/bitrate</c> and <c>POST …/error</c>.</summary>
internal sealed record Accepted(Guid StreamId, long Version);

/// <summary>The answer to a kick.</summary>
internal sealed record ViewerKicked(Guid StreamId, Guid ViewerId, long Version);

/// <summary>Longest texts, in characters, and highest numbers that the API takes.</summary>
internal static class StreamLimits
{
    public const int Title = 200;
    public const int Description = 5000;
    public const int BroadcasterName = 100;
    public const int ErrorCode = 64;
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
