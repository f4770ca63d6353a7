using Nova.Protocol;

namespace Nova.Tests.Support;

/// <summary>Events as StreamState puts them on a stream's channel, for tests that need more of them than its API makes in their time.</summary>
public static class ChannelEvents
{
    /// <param name="number">Told in <c>new_bitrate_kbps</c>.</param>
    public static byte[] Quality(string streamId, long version, int number) => new StreamEvent(
        version, DateTimeOffset.UtcNow, EventNames.QualityChanged, "",
        ProtocolJson.Encode(new QualityChanged(
            Guid.Parse(streamId), StreamQuality.P720, StreamQuality.P720, number - 1, number, 60, QualityChangeReason.AdaptiveBitrate, DateTimeOffset.UtcNow))).Encode();
}
