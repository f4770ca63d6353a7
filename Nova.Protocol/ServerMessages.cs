using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Nova.Protocol;

/// <summary>The <c>data</c> of a message that Nova sends.</summary>
public interface IServerMessage;

/// <summary>The <c>data</c> of a message that Nova sends; <see cref="ProtocolJson.Encode{T}"/> puts the envelope around it.</summary>
public interface IServerMessage<TSelf> : IServerMessage
    where TSelf : IServerMessage<TSelf>
{
    static abstract string EventName { get; }

    static abstract JsonTypeInfo<TSelf> TypeInfo { get; }
}

/// <summary>First message of every connection.</summary>
public sealed record ConnectionEstablished(
    Guid StreamId, Guid ViewerId, string SessionId, string ProtocolVersion, DateTimeOffset Timestamp) : IServerMessage<ConnectionEstablished>
{
    public static string EventName => EventNames.ConnectionEstablished;

    public static JsonTypeInfo<ConnectionEstablished> TypeInfo => ProtocolJson.Default.ConnectionEstablished;
}

/// <summary>The broadcast began. Late joiners get it unchanged: initial values, original time (S15).</summary>
public sealed record StreamStarted(
    Guid StreamId, string BroadcasterId, string Title, string Description, StreamQuality Quality, int Fps, int BitrateKbps,
    DateTimeOffset Timestamp) : IServerMessage<StreamStarted>
{
    public static string EventName => EventNames.StreamStarted;

    public static JsonTypeInfo<StreamStarted> TypeInfo => ProtocolJson.Default.StreamStarted;
}

/// <summary>Title, description, name or visibility changed (S58). Members that are absent did not. Late joiners get one with the present values.</summary>
public sealed record StreamUpdated(
    Guid StreamId,
    DateTimeOffset Timestamp,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Title = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Description = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? BroadcasterName = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] StreamVisibility? Visibility = null) : IServerMessage<StreamUpdated>
{
    public static string EventName => EventNames.StreamUpdated;

    public static JsonTypeInfo<StreamUpdated> TypeInfo => ProtocolJson.Default.StreamUpdated;

    /// <summary>Both updates as one.</summary>
    public StreamUpdated After(StreamUpdated older) => this with
    {
        Title = Title ?? older.Title,
        Description = Description ?? older.Description,
        BroadcasterName = BroadcasterName ?? older.BroadcasterName,
        Visibility = Visibility ?? older.Visibility,
    };
}

/// <summary>The broadcast is over; the socket closes with 1000 after it.</summary>
public sealed record StreamEnded(
    Guid StreamId, long DurationSeconds, int PeakViewers, int FinalViewerCount, EndReason Reason, DateTimeOffset Timestamp)
    : IServerMessage<StreamEnded>
{
    public static string EventName => EventNames.StreamEnded;

    public static JsonTypeInfo<StreamEnded> TypeInfo => ProtocolJson.Default.StreamEnded;
}

/// <param name="ViewerCount">Open sessions on all gateways.</param>
/// <param name="PeakViewers">Most sessions at once in this broadcast.</param>
/// <param name="Change">Net change since the last count sent for this stream.</param>
public sealed record ViewerCountChanged(
    Guid StreamId, int ViewerCount, int PeakViewers, int Change, DateTimeOffset Timestamp) : IServerMessage<ViewerCountChanged>
{
    public static string EventName => EventNames.ViewerCountChanged;

    public static JsonTypeInfo<ViewerCountChanged> TypeInfo => ProtocolJson.Default.ViewerCountChanged;
}

public sealed record QualityChanged(
    Guid StreamId, StreamQuality PreviousQuality, StreamQuality NewQuality, int PreviousBitrateKbps, int NewBitrateKbps, int Fps,
    QualityChangeReason Reason, DateTimeOffset Timestamp) : IServerMessage<QualityChanged>
{
    public static string EventName => EventNames.QualityChanged;

    public static JsonTypeInfo<QualityChanged> TypeInfo => ProtocolJson.Default.QualityChanged;
}

/// <summary>A measurement of the ingest, against the stream's maximum (S6).</summary>
public sealed record BitrateUpdate(
    Guid StreamId, int CurrentBitrateKbps, StreamQuality Quality, StreamHealth Health, DateTimeOffset Timestamp) : IServerMessage<BitrateUpdate>
{
    public static string EventName => EventNames.BitrateUpdate;

    public static JsonTypeInfo<BitrateUpdate> TypeInfo => ProtocolJson.Default.BitrateUpdate;

    /// <summary>Above 90 % of the maximum excellent, from 70 % good, from 50 % fair, below poor.</summary>
    public static StreamHealth HealthOf(int currentKbps, int maximumKbps) => (currentKbps * 100L) switch
    {
        var percent when percent > maximumKbps * 90L => StreamHealth.Excellent,
        var percent when percent >= maximumKbps * 70L => StreamHealth.Good,
        var percent when percent >= maximumKbps * 50L => StreamHealth.Fair,
        _ => StreamHealth.Poor,
    };
}

/// <param name="Recoverable">Whether the viewer can go on without reconnecting.</param>
/// <param name="DroppedCount">Only with <see cref="ErrorCodes.MessagesDropped"/>, like the three after it (S23).</param>
public sealed record ErrorMessage(
    string ErrorCode,
    [property: JsonPropertyName("error_message")] string Message,
    ErrorSeverity Severity,
    bool Recoverable,
    string SuggestedAction,
    DateTimeOffset Timestamp,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? DroppedCount = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyDictionary<string, int>? DroppedByEvent = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] DateTimeOffset? FirstDroppedAt = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] DateTimeOffset? LastDroppedAt = null) : IServerMessage<ErrorMessage>
{
    public static string EventName => EventNames.Error;

    public static JsonTypeInfo<ErrorMessage> TypeInfo => ProtocolJson.Default.ErrorMessage;
}

/// <param name="Sequence">Counts this connection's pings: 1, 2, 3 …</param>
public sealed record Ping(long Sequence, DateTimeOffset Timestamp) : IServerMessage<Ping>
{
    public static string EventName => EventNames.Ping;

    public static JsonTypeInfo<Ping> TypeInfo => ProtocolJson.Default.Ping;
}

/// <summary>The answer to <c>get_stream_info</c>; only the asker gets it.</summary>
public sealed record StreamInfo(
    string RequestId, Guid StreamId, StreamStatus Status, int ViewerCount, int PeakViewers, StreamQuality Quality, int BitrateKbps, int Fps,
    long DurationSeconds, string BroadcasterName, DateTimeOffset Timestamp) : IServerMessage<StreamInfo>
{
    public static string EventName => EventNames.StreamInfo;

    public static JsonTypeInfo<StreamInfo> TypeInfo => ProtocolJson.Default.StreamInfo;
}

/// <summary>A report that carried a <c>report_id</c> is durably stored (S34).</summary>
public sealed record IssueReceived(string ReportId, Guid IssueId, bool Stored) : IServerMessage<IssueReceived>
{
    public static string EventName => EventNames.IssueReceived;

    public static JsonTypeInfo<IssueReceived> TypeInfo => ProtocolJson.Default.IssueReceived;
}

/// <summary>The answer to <c>refresh_token</c>: the socket stays open until the new token ends.</summary>
public sealed record TokenRefreshed(DateTimeOffset ExpiresAt) : IServerMessage<TokenRefreshed>
{
    public static string EventName => EventNames.TokenRefreshed;

    public static JsonTypeInfo<TokenRefreshed> TypeInfo => ProtocolJson.Default.TokenRefreshed;
}
