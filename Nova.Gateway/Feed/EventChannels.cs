using System.Threading.Channels;
using Nova.Protocol;
using StackExchange.Redis;

namespace Nova.Gateway.Feed;

/// <summary>Subscribes to streams' Redis channels.</summary>
internal sealed class EventChannels(IConnectionMultiplexer redis)
{
    /// <summary>Where Redis is away there is nothing to unsubscribe from.</summary>
    public static async Task TryUnsubscribeAsync(ChannelMessageQueue subscription)
    {
        try
        {
            await subscription.UnsubscribeAsync();
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            // The connection is gone, and with it the subscription.
        }
    }

    /// <returns>Null while Redis is away: viewers are served from the snapshot, and the feed is restored later (S47).</returns>
    public async Task<ChannelMessageQueue?> TrySubscribeAsync(Guid streamId, ChannelWriter<FeedItem> items)
    {
        if (!redis.IsConnected)
        {
            return null;
        }

        try
        {
            var queue = await redis.GetSubscriber().SubscribeAsync(RedisChannel.Literal(StreamKeys.Channel(streamId)));
            queue.OnMessage(message => items.TryWrite(new FeedItem.Message((ReadOnlyMemory<byte>)message.Message)));
            return queue;
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            return null;
        }
    }
}
