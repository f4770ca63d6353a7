using Nova.Protocol;

namespace Nova.Client;

// The publisher's API: names and meanings are those of docs/openapi.json, which a test compares.

/// <summary>A broadcast to schedule.</summary>
/// <param name="Title">What viewers read first; 1 to 200 characters.</param>
/// <param name="StreamId">The id that you want for it; a new one by default. An id is used once.</param>
/// <param name="BroadcasterId">Operators only: whose stream it is. The caller's by default.</param>
public sealed record CreateStream(
    string Title, string? Description = null, string? BroadcasterName = null, StreamVisibility? Visibility = null, Guid? StreamId = null, string? BroadcasterId = null);

/// <summary>What is null stays as it is.</summary>
public sealed record UpdateStream(string? Title = null, string? Description = null, string? BroadcasterName = null, StreamVisibility? Visibility = null);

/// <param name="MaxBitrateKbps">What health is measured against. By default 4,000 for 720p, 6,000 for 1080p, 20,000 for 4k, the highest seen for auto.</param>
public sealed record StartStream(StreamQuality Quality, int Fps, int BitrateKbps, int? MaxBitrateKbps = null);

public sealed record ChangeQuality(StreamQuality NewQuality, int NewBitrateKbps, QualityChangeReason Reason, int? Fps = null);

/// <param name="ErrorCode">One of <see cref="ErrorCodes"/>, or one of yours: upper-case letters, digits and _.</param>
/// <param name="Severity">An error that is <c>error</c> or <c>critical</c> holds until a milder one follows.</param>
public sealed record PublishError(string ErrorCode, string ErrorMessage, ErrorSeverity Severity, bool Recoverable, string SuggestedAction);

/// <summary>A stream: one broadcast, from its schedule to its end.</summary>
/// <param name="Version">Goes up with every change; what <c>ifVersion</c> of a call is compared with.</param>
public sealed record StreamResource(
    Guid StreamId, long Version, string BroadcasterId, string BroadcasterName, string Title, string Description, StreamVisibility Visibility, StreamStatus Status,
    StreamQuality Quality, int Fps, int BitrateKbps, int MaxBitrateKbps, int ViewerCount, int PeakViewers, long DurationSeconds, DateTimeOffset CreatedAt,
    DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, EndReason? EndReason, int? FinalViewerCount);

/// <summary>A viewer on one gateway.</summary>
/// <param name="Sessions">Its open sockets there.</param>
/// <param name="Subject">Its account; for operators only.</param>
public sealed record ConnectedViewer(Guid ViewerId, int Sessions, DateTimeOffset ConnectedSince, string Gateway, string? Subject);

internal sealed record BitrateSample(int CurrentBitrateKbps);

internal sealed record EndStream(EndReason? Reason);

internal sealed record StreamPage(IReadOnlyList<StreamResource> Streams, string? NextCursor);

internal sealed record ViewerPage(IReadOnlyList<ConnectedViewer> Viewers, string? NextCursor);
