using System.Buffers.Text;
using System.Text;

namespace Nova.Protocol;

/// <summary>
/// A new viewer count on a stream's channel, as <c>report_viewers.lua</c> writes it: <c>C total peak change unix-ms</c>. Every gateway makes the
/// same <see cref="ViewerCountChanged"/> of it; formatting a date is no work for a script that blocks all of Redis.
/// </summary>
public readonly record struct ViewerCountEvent(int Total, int Peak, int Change, DateTimeOffset Timestamp)
{
    public static bool TryDecode(ReadOnlySpan<byte> bytes, out ViewerCountEvent count)
    {
        count = default;
        if (!bytes.StartsWith("C "u8))
        {
            return false;
        }

        var rest = bytes[2..];
        if (!ScriptEvent.TryRead(ref rest, out var total) || !ScriptEvent.TryRead(ref rest, out var peak) || !ScriptEvent.TryRead(ref rest, out var change)
            || !ScriptEvent.TryReadTime(ref rest, out var timestamp) || total is < 0 or > int.MaxValue || peak < total || peak > int.MaxValue
            || change is < -int.MaxValue or > int.MaxValue)
        {
            return false;
        }

        count = new((int)total, (int)peak, (int)change, timestamp);
        return true;
    }
}

/// <summary>A bitrate on a stream's channel, as <c>record_signal.lua</c> writes it: <c>B kbps quality maximum-kbps unix-ms</c>.</summary>
public readonly record struct BitrateEvent(int Kbps, StreamQuality Quality, int MaximumKbps, DateTimeOffset Timestamp)
{
    public static bool TryDecode(ReadOnlySpan<byte> bytes, out BitrateEvent bitrate)
    {
        bitrate = default;
        if (!bytes.StartsWith("B "u8))
        {
            return false;
        }

        var rest = bytes[2..];
        if (!ScriptEvent.TryRead(ref rest, out var kbps) || rest.IndexOf((byte)' ') is not (> 0 and < 10 and var end)
            || !WireNames<StreamQuality>.TryParse(Encoding.ASCII.GetString(rest[..end]), out var quality))
        {
            return false;
        }

        rest = rest[(end + 1)..];
        if (!ScriptEvent.TryRead(ref rest, out var maximum) || !ScriptEvent.TryReadTime(ref rest, out var timestamp)
            || kbps is < 0 or > int.MaxValue || maximum is < 0 or > int.MaxValue)
        {
            return false;
        }

        bitrate = new((int)kbps, quality, (int)maximum, timestamp);
        return true;
    }

    public BitrateUpdate ToMessage(Guid streamId) => new(streamId, Kbps, Quality, BitrateUpdate.HealthOf(Kbps, MaximumKbps), Timestamp);
}

/// <summary>Numbers with a space between, as scripts write them.</summary>
file static class ScriptEvent
{
    private const long LastUnixMs = 253_402_300_799_999;

    public static bool TryRead(ref ReadOnlySpan<byte> rest, out long number)
    {
        if (!Utf8Parser.TryParse(rest, out number, out var used) || used == rest.Length || rest[used] != ' ')
        {
            return false;
        }

        rest = rest[(used + 1)..];
        return true;
    }

    /// <summary>Reads the last number.</summary>
    public static bool TryReadTime(ref ReadOnlySpan<byte> rest, out DateTimeOffset time)
    {
        time = default;
        if (!Utf8Parser.TryParse(rest, out long unixMs, out var used) || used != rest.Length || unixMs is < 0 or > LastUnixMs)
        {
            return false;
        }

        time = DateTimeOffset.FromUnixTimeMilliseconds(unixMs);
        return true;
    }
}
