using System.Buffers.Binary;

namespace Nova.LoadTest.Generator;

/// <summary>The request that publishes one event on one stream. It is built once; each send overwrites only the number, version and time.</summary>
/// <param name="bytes">The whole request.</param>
/// <param name="digitsOffset">Offset of the event's number.</param>
/// <param name="overRest">Whether the number is the six-digit one of the REST API, see <see cref="EventPayload"/>.</param>
internal sealed class PublishRequest(byte[] bytes, int digitsOffset, bool overRest = false)
{
    private const int Digits = 10;
    private const int DigitsOverRest = 6;

    /// <summary>Offset of the <c>StreamEvent</c>'s version and time, on Nova's Redis channel; null elsewhere.</summary>
    public int? HeaderOffset { get; init; }

    /// <summary>The version of the last event.</summary>
    public long Version { get; set; }

    public ReadOnlySpan<byte> WithNumber(long sequence)
    {
        EventPayload.WriteNumber(bytes.AsSpan(digitsOffset, overRest ? DigitsOverRest : Digits), sequence, overRest);
        if (HeaderOffset is { } at)
        {
            BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(at), ++Version);
            BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(at + sizeof(long)), DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        }

        return bytes;
    }
}
