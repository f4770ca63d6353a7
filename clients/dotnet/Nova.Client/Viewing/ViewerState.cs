using Nova.Protocol;

namespace Nova.Client;

public enum ConnectionState
{
    Idle,

    /// <summary>It never was connected.</summary>
    Connecting,
    Connected,

    /// <summary>It was connected, and waits for the next attempt or makes it.</summary>
    Reconnecting,

    /// <summary>For good.</summary>
    Closed,
}

/// <summary>Everything that is known of a stream. Null is not known yet. A new object with each change.</summary>
public sealed record ViewerState
{
    public ConnectionState Connection { get; init; }

    /// <summary>Whether the values are those of now. False before the first ones and while the connection is lost.</summary>
    public bool IsCurrent { get; init; }

    /// <summary>When the next attempt is due, while it waits for it.</summary>
    public DateTimeOffset? RetryAt { get; init; }

    public string? RetryReason { get; init; }

    public Closed? Closed { get; init; }

    public Guid? ViewerId { get; init; }

    public string? SessionId { get; init; }

    public StreamStatus? Status { get; init; }

    public string? Title { get; init; }

    public string? Description { get; init; }

    public string? BroadcasterId { get; init; }

    public string? BroadcasterName { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public int? ViewerCount { get; init; }

    public int? PeakViewers { get; init; }

    public StreamQuality? Quality { get; init; }

    public int? Fps { get; init; }

    /// <summary>As the broadcaster announced it.</summary>
    public int? BitrateKbps { get; init; }

    /// <summary>As last measured; null when no measurement has come for 15 s.</summary>
    public int? CurrentBitrateKbps { get; init; }

    public StreamHealth? Health { get; init; }

    /// <summary>The error of the stream that still holds, such as RTMP_CONNECTION_LOST.</summary>
    public ErrorMessage? Error { get; init; }

    public StreamEnded? Ended { get; init; }

    /// <summary>Round trip of the last question to Nova.</summary>
    public TimeSpan? Latency { get; init; }

    /// <summary>What a message changes; the same object where it changes nothing.</summary>
    internal ViewerState After(IServerMessage? message) => message switch
    {
        ConnectionEstablished established => this with { ViewerId = established.ViewerId, SessionId = established.SessionId, Status = StreamStatus.Scheduled, Error = null, Ended = null },
        StreamStarted started => this with
        {
            Status = StreamStatus.Active,
            BroadcasterId = started.BroadcasterId,
            Title = started.Title,
            Description = started.Description,
            Quality = started.Quality,
            Fps = started.Fps,
            BitrateKbps = started.BitrateKbps,
            StartedAt = started.Timestamp,
        },
        StreamUpdated updated => this with
        {
            Title = updated.Title ?? Title,
            Description = updated.Description ?? Description,
            BroadcasterName = updated.BroadcasterName ?? BroadcasterName,
        },
        StreamEnded ended => this with
        {
            Status = StreamStatus.Ended,
            Ended = ended,
            ViewerCount = ended.FinalViewerCount,
            PeakViewers = ended.PeakViewers,
            CurrentBitrateKbps = null,
            Health = null,
        },
        ViewerCountChanged count => this with { ViewerCount = count.ViewerCount, PeakViewers = count.PeakViewers },
        QualityChanged changed => this with { Quality = changed.NewQuality, BitrateKbps = changed.NewBitrateKbps, Fps = changed.Fps },
        BitrateUpdate update => this with { CurrentBitrateKbps = update.CurrentBitrateKbps, Health = update.Health },
        ErrorMessage error when !IsOfConnection(error.ErrorCode) => this with { Error = error.Severity is ErrorSeverity.Error or ErrorSeverity.Critical ? error : null },
        _ => this,
    };

    /// <summary>What the answer to our own question adds. Before the start its quality and bitrate are placeholders.</summary>
    internal ViewerState After(StreamInfo info, bool hasCount) => this with
    {
        Status = info.Status,
        BroadcasterName = info.BroadcasterName,
        ViewerCount = hasCount ? ViewerCount : info.ViewerCount,
        PeakViewers = hasCount ? PeakViewers : info.PeakViewers,
        Quality = info.Status == StreamStatus.Active ? info.Quality : Quality,
        Fps = info.Status == StreamStatus.Active ? info.Fps : Fps,
        BitrateKbps = info.Status == StreamStatus.Active ? info.BitrateKbps : BitrateKbps,
    };

    /// <summary>Errors with these codes are about a connection and never hold. A broadcaster's tool may use any other code.</summary>
    public static bool IsOfConnection(string code) => code is ErrorCodes.ServerError or ErrorCodes.Unauthorized or ErrorCodes.RateLimited or ErrorCodes.ProtocolError
        or ErrorCodes.MessagesDropped or ErrorCodes.StreamEnded or ErrorCodes.StreamNotFound;
}
