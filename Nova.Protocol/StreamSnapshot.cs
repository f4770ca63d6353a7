using System.Text.Json;
using Nova.Protocol.Live;

namespace Nova.Protocol;

/// <summary>
/// Everything a gateway needs to serve a stream, read from StreamState in one request: who may watch, what <c>stream_info</c> says, and
/// the events that bring a viewer up to date, as the exact envelopes they were first sent as.
/// </summary>
/// <param name="Version">Events on the channel up to this version are already in this snapshot.</param>
/// <param name="ViewerCount">Now, on all gateways; after the end, when it ended.</param>
/// <param name="Events">The newest of each name, in version order. A mild error is among them: viewers who missed it must hear that it replaced a severe one.</param>
/// <param name="Kicks">Viewers who may not watch for now.</param>
public sealed record StreamSnapshot(
    Guid StreamId,
    long Version,
    StreamStatus Status,
    StreamVisibility Visibility,
    string BroadcasterId,
    string BroadcasterName,
    StreamQuality Quality,
    int BitrateKbps,
    int Fps,
    DateTimeOffset? StartedAt,
    long DurationSeconds,
    int PeakViewers,
    int ViewerCount,
    IReadOnlyList<SnapshotEvent> Events,
    [property: System.Text.Json.Serialization.JsonPropertyName("removed")] IReadOnlyList<ViewerKick> Kicks);

/// <param name="Envelope">The message as viewers got it.</param>
public sealed record SnapshotEvent(long Version, string Event, JsonElement Envelope);
