using System.Text.Json;

namespace Nova.Protocol;

/// <summary>Something that happened to a stream, as StreamState hands it to Telemetry.</summary>
/// <param name="Kind"><see cref="TimelineKinds"/>, or the name of an event.</param>
/// <param name="Version">Of the stream; 0 for a sample.</param>
/// <param name="Data">Of an event its data; of <see cref="TimelineKinds.Created"/> an object with <c>broadcaster_id</c>.</param>
/// <param name="ViewerCount">Of a sample, like the two below.</param>
public sealed record TimelineEntry(
    Guid StreamId, string Kind, long Version, DateTimeOffset HappenedAt, JsonElement? Data, int? ViewerCount, int? BitrateKbps, StreamHealth? Health);

/// <summary>Answer to <c>GET /internal/timeline?after=&amp;limit=</c>.</summary>
/// <param name="Position">The next <c>after</c>.</param>
public sealed record TimelinePage(IReadOnlyList<TimelineEntry> Entries, string Position);

/// <summary>Kinds of entries that are no events.</summary>
public static class TimelineKinds
{
    public const string Created = "created";

    /// <summary>The number of viewers, and the newest bitrate if one was measured.</summary>
    public const string Sample = "sample";
}
