using Nova.Gateway.WebSockets;
using Nova.Protocol;
using Nova.Protocol.Live;

namespace Nova.Gateway.Frames;

/// <summary>What a backlog may do with a message of a viewer who falls behind (S24).</summary>
internal enum FrameKind
{
    /// <summary>Lifecycle, errors and the close: never dropped.</summary>
    Essential,

    /// <summary>A newer one replaces it; the net change is kept.</summary>
    Count,

    /// <summary>A newer one replaces it.</summary>
    Bitrate,

    /// <summary>The answer to a control ping: a newer one replaces it, as RFC 6455 5.5.3 allows.</summary>
    Pong,

    /// <summary>Dropped when full, but the newest dropped one is sent again with the notice: it is state.</summary>
    Quality,

    /// <summary>Dropped when full, oldest first.</summary>
    Droppable,
}

/// <summary>One frame, header and payload in one buffer, encoded once and shared by every viewer it goes to.</summary>
internal sealed class PreparedFrame
{
    public PreparedFrame(string eventName, FrameKind kind, ReadOnlySpan<byte> payload, ViewerCountEvent count = default)
        : this(eventName, kind, FrameWriter.Write(Opcode.Text, payload), FrameWriter.HeaderSize(payload.Length), count)
    {
    }

    private PreparedFrame(string eventName, FrameKind kind, byte[] bytes, int headerSize, ViewerCountEvent count = default)
    {
        EventName = eventName;
        Kind = kind;
        Bytes = bytes;
        Payload = bytes.AsMemory(headerSize);
        Count = count;
    }

    public string EventName { get; }

    public FrameKind Kind { get; }

    /// <summary>What goes on the wire.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    public ReadOnlyMemory<byte> Payload { get; }

    /// <summary>For <see cref="FrameKind.Count"/>: the numbers, so that pending counts can be merged.</summary>
    public ViewerCountEvent Count { get; }

    public static PreparedFrame Of<T>(T message)
        where T : IServerMessage<T> => new(T.EventName, KindOf(T.EventName), ProtocolJson.Encode(message));

    /// <summary>An answer to what this viewer sent: droppable even if it is an error, or a flood of bad messages would fill its backlog.</summary>
    public static PreparedFrame AnswerOf<T>(T message)
        where T : IServerMessage<T> => new(T.EventName, FrameKind.Droppable, ProtocolJson.Encode(message));

    public static PreparedFrame Of(StreamEvent streamEvent) => new(streamEvent.EventName, KindOf(streamEvent.EventName), streamEvent.Payload.Span);

    public static PreparedFrame Of(Guid streamId, ViewerCountEvent count) => new(
        EventNames.ViewerCountChanged,
        FrameKind.Count,
        ProtocolJson.Encode(new ViewerCountChanged(streamId, count.Total, count.Peak, count.Change, count.Timestamp)),
        count);

    public static PreparedFrame Pong(byte[] payload) => Control("control pong", FrameKind.Pong, FrameWriter.Write(Opcode.Pong, payload));

    public static PreparedFrame Close(CloseCode code, string reason) => Control("close", FrameKind.Essential, FrameWriter.WriteClose(code, reason));

    public static FrameKind KindOf(string eventName) => eventName switch
    {
        EventNames.ConnectionEstablished or EventNames.StreamStarted or EventNames.StreamUpdated or EventNames.StreamEnded or EventNames.Error =>
            FrameKind.Essential,
        EventNames.BitrateUpdate => FrameKind.Bitrate,
        EventNames.QualityChanged => FrameKind.Quality,
        _ => FrameKind.Droppable,
    };

    private static PreparedFrame Control(string name, FrameKind kind, byte[] bytes) => new(name, kind, bytes, headerSize: 2);
}
