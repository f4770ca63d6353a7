using StackExchange.Redis;

namespace Nova.ServiceDefaults.Redis;

/// <summary>
/// How channels are subscribed and published to. In a cluster since Redis 7 they are sharded: a message then stays on the node that has the stream, where
/// plain pub/sub repeats it on every node.
/// </summary>
public sealed class RedisChannels(IConnectionMultiplexer redis, TimeProvider time)
{
    /// <summary>Asked at each publication, and it changes when the first connection is there and hardly ever after.</summary>
    private static readonly TimeSpan KnownFor = TimeSpan.FromSeconds(1);

    private long _lookedAt;
    private bool _isSharded;

    /// <summary>As far as known: before the first connection they are not.</summary>
    public bool AreSharded
    {
        get
        {
            if (_lookedAt == 0 || !redis.IsConnected || time.GetElapsedTime(_lookedAt) > KnownFor)
            {
                _lookedAt = time.GetTimestamp();
                var servers = redis.GetServers();
                _isSharded = Array.Exists(servers, server => server.IsConnected && server.ServerType == ServerType.Cluster)
                    ? Array.TrueForAll(servers, server => !server.IsConnected || server.Features.ShardedPubSub)
                    : _isSharded && !redis.IsConnected; // While all nodes are away it is as it was.
            }

            return _isSharded;
        }
    }

    /// <summary>The command for scripts.</summary>
    public string PublishCommand => AreSharded ? "SPUBLISH" : "PUBLISH";

    public RedisChannel this[string name] => AreSharded ? RedisChannel.Sharded(name) : RedisChannel.Literal(name);
}
