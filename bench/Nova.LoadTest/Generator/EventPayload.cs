using System.Buffers.Text;
using System.Text;

namespace Nova.LoadTest.Generator;

/// <summary>
/// The event that every system delivers, byte for byte the same: a valid <c>quality_changed</c> of about 250 bytes whose
/// <c>new_bitrate_kbps</c> is the number of the publication.
/// </summary>
internal static class EventPayload
{
    /// <summary>Numbers start here, so that all have ten digits and a message's length never changes.</summary>
    private const long First = 1_000_000_000;

    /// <summary>Where the number goes through StreamState's REST interface, which takes at most 1,000,000 kbps.</summary>
    private const long FirstOverRest = 100_000;

    public static ReadOnlySpan<byte> Marker => "\"new_bitrate_kbps\":"u8;

    /// <summary>The payload, and where in it the ten digits stand.</summary>
    public static (byte[] Bytes, int DigitsAt) Create(Guid streamId, DateTimeOffset timestamp)
    {
        var bytes = Encoding.UTF8.GetBytes(
            $$$"""{"event":"quality_changed","data":{"stream_id":"{{{streamId}}}","previous_quality":"1080p","new_quality":"720p","previous_bitrate_kbps":5000,"new_bitrate_kbps":{{{First}}},"fps":60,"reason":"adaptive_bitrate","timestamp":"{{{timestamp:yyyy-MM-dd'T'HH:mm:ss.fff'Z'}}}"}}""");
        return (bytes, bytes.AsSpan().IndexOf(Marker) + Marker.Length);
    }

    /// <summary>The body of <c>POST …/quality</c> that becomes such an event, and where its six digits stand.</summary>
    public static (byte[] Bytes, int DigitsAt) CreateForRest()
    {
        var bytes = Encoding.UTF8.GetBytes($$"""{"new_quality":"720p","new_bitrate_kbps":{{FirstOverRest}},"fps":60,"reason":"adaptive_bitrate"}""");
        return (bytes, bytes.AsSpan().IndexOf(Marker) + Marker.Length);
    }

    /// <summary>The number of the publication that went through StreamState with this bitrate.</summary>
    public static long SequenceOverRest(long kbps) => kbps - FirstOverRest;

    /// <summary>Writes a publication's number over the last one.</summary>
    public static void Number(Span<byte> digits, long sequence, bool overRest)
    {
        var number = (overRest ? FirstOverRest : First) + sequence;
        if (!Utf8Formatter.TryFormat(number, digits, out var written) || written != (overRest ? 6 : 10))
        {
            throw new InvalidOperationException($"Publication {sequence} does not fit into the event; run for a shorter time.");
        }
    }

    /// <summary>Finds the next event in a message and moves past it; SignalR packs several into one message.</summary>
    /// <param name="expectedAt">Where the marker stood last time: all events of a system look alike, so a compare replaces a search.</param>
    public static bool TryRead(ref ReadOnlySpan<byte> message, ref int expectedAt, out long sequence)
    {
        var marker = Marker;
        var at = expectedAt;
        if (at + marker.Length >= message.Length || !message.Slice(at, marker.Length).SequenceEqual(marker))
        {
            at = message.IndexOf(marker);
            if (at < 0)
            {
                sequence = -1;
                return false;
            }

            expectedAt = at;
        }

        var number = 0L;
        var i = at + marker.Length;
        for (; i < message.Length && (uint)(message[i] - '0') <= 9; i++)
        {
            number = (number * 10) + (message[i] - '0');
        }

        message = message[i..];
        sequence = number >= First ? number - First : SequenceOverRest(number);
        return true;
    }
}
