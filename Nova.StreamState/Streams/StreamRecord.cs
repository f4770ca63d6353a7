using Nova.Protocol;

namespace Nova.StreamState.Streams;

/// <summary>A row of <c>streams</c>: everything that is true of a broadcast.</summary>
public sealed record StreamRecord
{
    public required Guid StreamId { get; init; }

    public required long Version { get; init; }

    public required string BroadcasterId { get; init; }

    public required string BroadcasterName { get; init; }

    public required string Title { get; init; }

    public required string Description { get; init; }

    public required StreamVisibility Visibility { get; init; }

    public required StreamStatus Status { get; init; }

    /// <summary>Before the start: the default that <c>stream_info</c> shows (S13).</summary>
    public StreamQuality Quality { get; init; } = StreamQuality.Auto;

    public int Fps { get; init; }

    public int BitrateKbps { get; init; }

    /// <summary>As the broadcaster gave it; null: <see cref="BitrateLadder"/> decides by quality.</summary>
    public int? MaxBitrateKbps { get; init; }

    /// <summary>The highest rung this broadcast has been on.</summary>
    public int HighestRungKbps { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    public required DateTimeOffset LastEventAt { get; init; }

    public EndReason? EndReason { get; init; }

    public int PeakViewers { get; init; }

    public int ViewerCount { get; init; }

    public int EffectiveMaxBitrateKbps => MaxBitrateKbps ?? BitrateLadder.MaximumKbps(Quality) ?? HighestRungKbps;

    public long DurationSeconds(DateTimeOffset now) =>
        StartedAt is { } started ? Math.Max(0, (long)((EndedAt ?? now) - started).TotalSeconds) : 0;
}
