using System.Text;
using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.Tests.Support;
using Nova.Tests.Support.Faults;
using static Nova.Tests.Support.Faults.LabSteps;

namespace Nova.Tests.Faults;

/// <summary>
/// Redis never heard of a gateway's subscription to one channel, though the connection works. The comparison of versions finds what is
/// missing, but each time seconds late and never a bitrate; the channel has to be subscribed anew.
/// </summary>
[Collection(nameof(FaultCollection))]
public sealed class LostSubscriptionTests(FaultLabFixture labs)
{
    [Fact]
    public async Task SubscriptionIsLost_WithinSeconds_EventsFlowAgain()
    {
        var lab = await labs.HealthyLabAsync();
        var stream = await lab.Api.StartStreamAsync();
        var lost = LoseFirstSubscription(lab.Gateways[0].Redis, Guid.Parse(stream.Id));
        await using var viewer = await stream.WatchAsync(gateway: 0);
        await viewer.WaitForAsync(EventNames.ViewerCountChanged);
        Assert.True(lost.IsCompletedSuccessfully, "The lab did not lose the subscription.");

        var flow = await WaitForFlowAsync(stream, viewer, Seconds(8 + 1));
        Note($"Events flow after {flow.TotalSeconds:F1} s.");
        Assert.True((await stream.BitrateAsync(4321)).IsSuccess);
        await viewer.WaitForAsync(
            EventNames.BitrateUpdate, update => update.GetProperty("current_bitrate_kbps").GetInt32() == 4321, Seconds(1));
    }

    /// <summary>Redis is asked for a channel that nobody uses instead; the next request for the right one arrives.</summary>
    private static Task LoseFirstSubscription(Link redis, Guid streamId)
    {
        var (channel, other) = (LiveKeys.Channel(streamId), LiveKeys.Channel(Guid.Empty));
        var lost = new TaskCompletionSource();
        redis.Rewrite = bytes =>
        {
            var text = Encoding.Latin1.GetString(bytes);
            if (!text.Contains("SUBSCRIBE", StringComparison.Ordinal) || !text.Contains(channel, StringComparison.Ordinal) || !lost.TrySetResult())
            {
                return bytes;
            }

            return Encoding.Latin1.GetBytes(text.Replace(channel, other, StringComparison.Ordinal));
        };
        return lost.Task;
    }
}
