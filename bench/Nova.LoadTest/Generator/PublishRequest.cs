using System.Buffers.Binary;

namespace Nova.LoadTest.Generator;

/// <summary>The bytes that publish one event on one stream, made once; only what changes is written over before each sending.</summary>
/// <param name="bytes">The whole request.</param>
/// <param name="digitsAt">Where the event's number stands.</param>
/// <param name="overRest">Whether the number is the short one, see <see cref="EventPayload"/>.</param>
internal sealed class PublishRequest(byte[] bytes, int digitsAt, bool overRest = false)
{
    private const int Digits = 10;
    private const int DigitsOverRest = 6;

    /// <summary>Where a <c>StreamEvent</c>'s version and time stand, for Nova's Redis channel.</summary>
    public int? HeaderAt { get; init; }

    /// <summary>The stream's version before the next event.</summary>
    public long Version { get; set; }

    public ReadOnlySpan<byte> For(long sequence)
    {
        EventPayload.Number(bytes.AsSpan(digitsAt, overRest ? DigitsOverRest : Digits), sequence, overRest);
        if (HeaderAt is { } at)
        {
            BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(at), ++Version);
            BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(at + sizeof(long)), DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        }

        return bytes;
    }
}
