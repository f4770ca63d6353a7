using Nova.Protocol;

namespace Nova.Gateway.Fanout;

/// <summary>What a backlog may do with a message of a viewer who falls behind (S24).</summary>
internal enum FrameKind
{
    /// <summary>Lifecycle and errors: never dropped.</summary>
    Essential,

    /// <summary>A newer one replaces it; the net change is kept.</summary>
    Count,

    /// <summary>A newer one replaces it.</summary>
    Bitrate,

    /// <summary>Dropped when full, but the newest dropped one is sent again with the notice: it is state.</summary>
    Quality,

    /// <summary>Dropped when full, oldest first.</summary>
    Droppable,
}

/// <summary>One message, encoded once and shared by every viewer it goes to.</summary>
/// <param name="Count">For <see cref="FrameKind.Count"/>: the numbers, so that pending counts can be merged.</param>
internal sealed record PreparedFrame(string EventName, FrameKind Kind, ReadOnlyMemory<byte> Payload, ViewerCountEvent Count = default)
{
    public static PreparedFrame Of<T>(T message)
        where T : IServerMessage<T> => new(T.EventName, KindOf(T.EventName), ProtocolJson.Encode(message));

    /// <summary>An answer to what this viewer sent: droppable even if it is an error, or a flood of bad messages would fill its backlog.</summary>
    public static PreparedFrame AnswerOf<T>(T message)
        where T : IServerMessage<T> => Of(message) with { Kind = FrameKind.Droppable };

    public static PreparedFrame Of(StreamEvent streamEvent) => new(streamEvent.EventName, KindOf(streamEvent.EventName), streamEvent.Payload);

    public static PreparedFrame Of(Guid streamId, ViewerCountEvent count) => new(
        EventNames.ViewerCountChanged,
        FrameKind.Count,
        ProtocolJson.Encode(new ViewerCountChanged(streamId, count.Total, count.Peak, count.Change, count.Timestamp)),
        count);

    public static FrameKind KindOf(string eventName) => eventName switch
    {
        EventNames.ConnectionEstablished or EventNames.StreamStarted or EventNames.StreamEnded or EventNames.Error => FrameKind.Essential,
        EventNames.BitrateUpdate => FrameKind.Bitrate,
        EventNames.QualityChanged => FrameKind.Quality,
        _ => FrameKind.Droppable,
    };
}
