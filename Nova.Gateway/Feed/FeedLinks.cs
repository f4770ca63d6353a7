using System.Net;
using StackExchange.Redis;

namespace Nova.Gateway.Feed;

/// <summary>The connections that events come on: one, or with sharded channels one to each node of the cluster that has streams.</summary>
internal sealed class FeedLinks(IConnectionMultiplexer redis, EventChannels channels, TimeProvider time) : IDisposable
{
    /// <summary>
    /// Names that are tried until every node has one of them: a node with a hundredth of the slots is found with all but 1 in 20,000. Streams of a node
    /// with fewer are looked after by the audit.
    /// </summary>
    private const int Names = 1000;

    private static readonly TimeSpan RefreshInterval = TimeSpan.FromSeconds(1);

    private readonly string _gateway = Guid.CreateVersion7().ToString("N");
    private List<FeedLink> _links = [];
    private long? _refreshedAt;
    private bool _areSharded;

    public IReadOnlyList<FeedLink> All => _links;

    /// <summary>Follows the cluster: nodes come and go, and slots move between them.</summary>
    /// <returns>True where channels are sharded now and were not before, or the other way round: every stream's channel is to be subscribed to anew.</returns>
    public bool Refresh(Action onHeardWhileBroken)
    {
        if (_refreshedAt is { } refreshedAt && time.GetElapsedTime(refreshedAt) < RefreshInterval)
        {
            return false;
        }

        _refreshedAt = time.GetTimestamp();
        var areSharded = channels.AreSharded;
        var isChanged = areSharded != _areSharded;
        _areSharded = areSharded;
        var wanted = areSharded ? FindNodes() : new Dictionary<string, EndPoint?> { [$"nova:probe:{_gateway}"] = null };
        foreach (var link in _links.Where(link => isChanged || !wanted.ContainsKey(link.Channel)).ToList())
        {
            link.Dispose();
            _links = [.. _links.Where(other => other != link)];
        }

        foreach (var (channel, endpoint) in wanted.Where(node => !_links.Exists(link => link.Channel == node.Key)))
        {
            var link = new FeedLink(endpoint, channel, channels, time);
            link.Listen(onHeardWhileBroken);
            _links = [.. _links, link];
        }

        return isChanged;
    }

    public void Dispose() => _links.ForEach(link => link.Dispose());

    /// <summary>A channel of this gateway for each node. One that has a link keeps it while its slot stays there.</summary>
    private Dictionary<string, EndPoint?> FindNodes()
    {
        var database = redis.GetDatabase();
        Dictionary<EndPoint, string> nodes = [];
        foreach (var name in _links.Select(link => link.Channel).Concat(Enumerable.Range(0, Names).Select(number => $"nova:{{probe-{number}}}:{_gateway}")))
        {
            var endpoint = database.IdentifyEndpoint(name);
            if (endpoint is not null && (_links.Find(link => link.Channel == name)?.Endpoint ?? endpoint).Equals(endpoint))
            {
                nodes.TryAdd(endpoint, name);
            }
        }

        return nodes.ToDictionary(node => node.Value, node => (EndPoint?)node.Key);
    }
}
