using System.Net;
using Nova.Protocol.Live;
using Nova.ServiceDefaults.Redis;
using StackExchange.Redis;

namespace Nova.Gateway.Feed;

/// <summary>Subscribes to streams' Redis channels.</summary>
internal sealed class EventChannels(IConnectionMultiplexer redis, RedisChannels channels, TimeProvider time)
{
    private static readonly TimeSpan ConfirmationTimeout = TimeSpan.FromSeconds(1);

    /// <summary>A cluster's node confirms within a millisecond or two.</summary>
    private static readonly TimeSpan ConfirmationPoll = TimeSpan.FromMilliseconds(2);

    /// <summary>Whether each stream's channel is on the node that has the stream.</summary>
    public bool AreSharded => channels.AreSharded;

    /// <summary>
    /// Subscribes, and waits for a moment until Redis has confirmed it, so that nothing is lost between the subscription and a snapshot that is
    /// read next. Where Redis is slow or unavailable, the client subscribes as soon as it can (S47).
    /// </summary>
    public async Task<ChannelMessageQueue> SubscribeAsync(Guid streamId)
    {
        var queue = Subscribe(streamId);
        await WaitUntilSubscribedAsync(queue);
        return queue;
    }

    /// <summary>Waits for a moment until Redis has confirmed a subscription.</summary>
    public async Task WaitUntilSubscribedAsync(ChannelMessageQueue queue)
    {
        if (redis.IsConnected)
        {
            // Behind the subscription on the same connection, so its answer comes behind the confirmation; in a cluster it might be another node's.
            var confirmation = queue.Channel.IsSharded ? WaitForEndpointAsync(queue.Channel) : redis.GetSubscriber().PingAsync().WaitAsync(ConfirmationTimeout, time);
            await confirmation.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Asks for the subscription and does not wait. The client renews it with every new connection.</summary>
    public ChannelMessageQueue Subscribe(Guid streamId) => Subscribe(LiveKeys.Channel(streamId));

    public ChannelMessageQueue Subscribe(string channel) => redis.GetSubscriber().Subscribe(channels[channel], CommandFlags.FireAndForget);

    public Task PublishAsync(string channel, byte[] message) => redis.GetSubscriber().PublishAsync(channels[channel], message);

    /// <summary>The node that has confirmed the subscription; null while none has.</summary>
    public EndPoint? EndpointOf(ChannelMessageQueue queue) => redis.GetSubscriber().SubscribedEndpoint(queue.Channel);

    /// <summary>Ends the queue at once; Redis hears of it when it can.</summary>
    public static void Unsubscribe(ChannelMessageQueue queue) => queue.Unsubscribe(CommandFlags.FireAndForget);

    private async Task WaitForEndpointAsync(RedisChannel channel)
    {
        var started = time.GetTimestamp();
        while (redis.GetSubscriber().SubscribedEndpoint(channel) is null && time.GetElapsedTime(started) < ConfirmationTimeout)
        {
            await Task.Delay(ConfirmationPoll, time);
        }
    }
}
