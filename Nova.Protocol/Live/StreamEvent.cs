using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;

namespace Nova.Protocol.Live;

/// <summary>
/// What travels from StreamState to the gateways on a stream's Redis channel: a short header and the exact bytes a viewer will get, so
/// that no gateway ever encodes what it forwards.
/// </summary>
/// <remarks>
/// <code>
///  0        1        9               17      18            18+n    19+n              19+n+t
/// +--------+--------+---------------+-------+-------------+-------+------------------+---------
/// | 'N'    | version| published at  | n     | event name  | t     | W3C traceparent  | payload …
/// | (0x4E) | int64  | unix ms int64 | uint8 | ASCII       | uint8 | ASCII, may be "" | UTF-8
/// +--------+--------+---------------+-------+-------------+-------+------------------+---------
/// </code>
/// Integers are big-endian. Counts and bitrates share the channel but are a <see cref="ViewerCountEvent"/> or a <see cref="BitrateEvent"/>, since scripts
/// publish them.
/// </remarks>
/// <param name="Version">The stream's version after this change.</param>
public sealed record StreamEvent(long Version, DateTimeOffset PublishedAt, string EventName, string TraceParent, ReadOnlyMemory<byte> Payload)
{
    private const byte Magic = (byte)'N';
    private const int FixedHeader = 18;

    public byte[] Encode()
    {
        var nameLength = EventName.Length;
        var traceLength = TraceParent.Length;
        var bytes = new byte[FixedHeader + nameLength + 1 + traceLength + Payload.Length];
        bytes[0] = Magic;
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(1), Version);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(9), PublishedAt.ToUnixTimeMilliseconds());
        bytes[17] = checked((byte)nameLength);
        Encoding.ASCII.GetBytes(EventName, bytes.AsSpan(FixedHeader));
        bytes[FixedHeader + nameLength] = checked((byte)traceLength);
        Encoding.ASCII.GetBytes(TraceParent, bytes.AsSpan(FixedHeader + nameLength + 1));
        Payload.CopyTo(bytes.AsMemory(FixedHeader + nameLength + 1 + traceLength));
        return bytes;
    }

    /// <summary>
    /// Reads what a channel delivered. Anybody who reaches Redis can publish there, so bytes that are not a header followed by one
    /// JSON envelope of the event named in it are refused rather than forwarded to viewers (F26).
    /// </summary>
    public static bool TryDecode(ReadOnlyMemory<byte> bytes, out StreamEvent? streamEvent)
    {
        streamEvent = null;
        var span = bytes.Span;
        if (span.Length <= FixedHeader || span[0] != Magic)
        {
            return false;
        }

        var version = BinaryPrimitives.ReadInt64BigEndian(span[1..]);
        var publishedMs = BinaryPrimitives.ReadInt64BigEndian(span[9..]);
        var traceAt = FixedHeader + span[17];
        if (version < 1 || traceAt >= span.Length || publishedMs is < 0 or > 253_402_300_799_999)
        {
            return false;
        }

        var payloadAt = traceAt + 1 + span[traceAt];
        if (payloadAt > span.Length)
        {
            return false;
        }

        var eventName = span[FixedHeader..traceAt];
        if (!IsEnvelope(span[payloadAt..], eventName))
        {
            return false;
        }

        streamEvent = new StreamEvent(
            version,
            DateTimeOffset.FromUnixTimeMilliseconds(publishedMs),
            Encoding.ASCII.GetString(eventName),
            Encoding.ASCII.GetString(span[(traceAt + 1)..payloadAt]),
            bytes[payloadAt..]);
        return true;
    }

    private static bool IsEnvelope(ReadOnlySpan<byte> payload, ReadOnlySpan<byte> eventName)
    {
        var reader = new Utf8JsonReader(payload, new JsonReaderOptions { MaxDepth = Limits.MaxJsonDepth });
        try
        {
            return reader.Read() && reader.TokenType == JsonTokenType.StartObject
                && reader.Read() && reader.ValueTextEquals("event"u8)
                && reader.Read() && reader.TokenType == JsonTokenType.String && reader.ValueTextEquals(eventName)
                && reader.Read() && reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals("data"u8)
                && reader.Read() && reader.TokenType == JsonTokenType.StartObject && reader.TrySkip()
                && reader.Read() && reader.TokenType == JsonTokenType.EndObject
                && !reader.Read();
        }
        catch (JsonException)
        {
            return false;
        }
    }
}

/// <summary>The <c>data</c> of <see cref="EventNames.StreamDeleted"/>. It never reaches a viewer.</summary>
public sealed record StreamDeleted(Guid StreamId) : IServerMessage<StreamDeleted>
{
    public static string EventName => EventNames.StreamDeleted;

    public static System.Text.Json.Serialization.Metadata.JsonTypeInfo<StreamDeleted> TypeInfo => ProtocolJson.Default.StreamDeleted;
}

/// <summary>The <c>data</c> of <see cref="EventNames.ViewerKicked"/>, which takes a version like every change, so that none is missed. It never reaches a viewer.</summary>
/// <param name="Until">The viewer is refused until then.</param>
public sealed record ViewerKick(Guid ViewerId, DateTimeOffset Until) : IServerMessage<ViewerKick>
{
    public static string EventName => EventNames.ViewerKicked;

    public static System.Text.Json.Serialization.Metadata.JsonTypeInfo<ViewerKick> TypeInfo => ProtocolJson.Default.ViewerKick;
}
