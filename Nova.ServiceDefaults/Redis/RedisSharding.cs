using StackExchange.Redis;

namespace Nova.ServiceDefaults.Redis;

/// <summary>
/// Whether channels are sharded: in a cluster since Redis 7 each message then stays on the node that has the stream, where plain pub/sub repeats it on
/// every node.
/// </summary>
public static class RedisSharding
{
    /// <summary>As far as known: before the first connection it is not.</summary>
    public static bool IsSharded(this IConnectionMultiplexer redis) =>
        redis.GetServers() is var servers && Array.Exists(servers, server => server.ServerType == ServerType.Cluster)
        && Array.TrueForAll(servers, server => !server.IsConnected || server.Features.ShardedPubSub);

    public static RedisChannel Channel(this IConnectionMultiplexer redis, string name) =>
        redis.IsSharded() ? RedisChannel.Sharded(name) : RedisChannel.Literal(name);

    /// <summary>The command that publishes on such a channel, for scripts.</summary>
    public static string PublishCommand(this IConnectionMultiplexer redis) => redis.IsSharded() ? "SPUBLISH" : "PUBLISH";
}
