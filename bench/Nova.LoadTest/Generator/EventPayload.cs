using System.Buffers.Text;
using System.Text;

namespace Nova.LoadTest.Generator;

/// <summary>
/// The event that every system delivers, byte for byte the same: a valid <c>quality_changed</c> of about 250 bytes. Its
/// <c>new_bitrate_kbps</c> carries the number of the publication.
/// </summary>
internal static class EventPayload
{
    /// <summary>Numbers start here, so that all of them have ten digits and every message has the same length.</summary>
    private const long FirstNumber = 1_000_000_000;

    /// <summary>Numbers start here on StreamState's REST API, which accepts at most 1,000,000 kbps.</summary>
    private const long FirstBitrate = 100_000;

    public static ReadOnlySpan<byte> Marker => "\"new_bitrate_kbps\":"u8;

    /// <summary>The payload, and the offset of its ten digits.</summary>
    public static (byte[] Bytes, int DigitsOffset) Create(Guid streamId, DateTimeOffset timestamp)
    {
        var bytes = Encoding.UTF8.GetBytes(
            $$$"""{"event":"quality_changed","data":{"stream_id":"{{{streamId}}}","previous_quality":"1080p","new_quality":"720p","previous_bitrate_kbps":5000,"new_bitrate_kbps":{{{FirstNumber}}},"fps":60,"reason":"adaptive_bitrate","timestamp":"{{{timestamp:yyyy-MM-dd'T'HH:mm:ss.fff'Z'}}}"}}""");
        return (bytes, bytes.AsSpan().IndexOf(Marker) + Marker.Length);
    }

    /// <summary>The body of the <c>POST …/quality</c> that publishes such an event, and the offset of its six digits.</summary>
    public static (byte[] Bytes, int DigitsOffset) CreateForRest()
    {
        var bytes = Encoding.UTF8.GetBytes($$"""{"new_quality":"720p","new_bitrate_kbps":{{FirstBitrate}},"fps":60,"reason":"adaptive_bitrate"}""");
        return (bytes, bytes.AsSpan().IndexOf(Marker) + Marker.Length);
    }

    /// <summary>The number of the publication that was sent through the REST API with this bitrate.</summary>
    public static long SequenceFromBitrate(long kbps) => kbps - FirstBitrate;

    /// <summary>Overwrites the digits with a publication's number.</summary>
    public static void WriteNumber(Span<byte> digits, long sequence, bool overRest)
    {
        var number = (overRest ? FirstBitrate : FirstNumber) + sequence;
        if (!Utf8Formatter.TryFormat(number, digits, out var written) || written != (overRest ? 6 : 10))
        {
            throw new InvalidOperationException($"The number of publication {sequence} does not fit into the event; run for a shorter time.");
        }
    }

    /// <summary>Finds the next event in a message and advances past it; SignalR packs several events into one message.</summary>
    /// <param name="expectedOffset">The marker's offset in the last event. A system's events have the same layout, so a comparison saves a search.</param>
    public static bool TryRead(ref ReadOnlySpan<byte> message, ref int expectedOffset, out long sequence)
    {
        var marker = Marker;
        var at = expectedOffset;
        if (at + marker.Length >= message.Length || !message.Slice(at, marker.Length).SequenceEqual(marker))
        {
            at = message.IndexOf(marker);
            if (at < 0)
            {
                sequence = -1;
                return false;
            }

            expectedOffset = at;
        }

        var number = 0L;
        var i = at + marker.Length;
        for (; i < message.Length && (uint)(message[i] - '0') <= 9; i++)
        {
            number = (number * 10) + (message[i] - '0');
        }

        message = message[i..];
        sequence = number >= FirstNumber ? number - FirstNumber : SequenceFromBitrate(number);
        return true;
    }
}
