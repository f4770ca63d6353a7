using Nova.Protocol;
using Nova.Protocol.Live;

namespace Nova.Tests.Support;

/// <summary>Events as StreamState publishes them on a stream's channel, for tests that need a higher rate than its API allows.</summary>
public static class ChannelEvents
{
    /// <param name="number">The value of <c>new_bitrate_kbps</c>.</param>
    public static byte[] Quality(string streamId, long version, int number) => new StreamEvent(
        version, DateTimeOffset.UtcNow, EventNames.QualityChanged, "",
        ProtocolJson.Encode(new QualityChanged(
            Guid.Parse(streamId), StreamQuality.P720, StreamQuality.P720, number - 1, number, 60, QualityChangeReason.AdaptiveBitrate, DateTimeOffset.UtcNow))).Encode();
}
