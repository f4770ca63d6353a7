using System.Collections.Frozen;
using Microsoft.Extensions.Options;
using Nova.Gateway.Feed;
using Nova.Protocol.Live;
using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Health;
using Nova.ServiceDefaults.Redis;
using StackExchange.Redis;

namespace Nova.Gateway.Presence;

/// <summary>The gateways as they stood at a moment.</summary>
/// <param name="Dead">Their lease has ended: their viewers are taken out of counts.</param>
/// <param name="Doubted">They may be dead: their viewers make no new peak (S51).</param>
internal sealed record GatewaysView(FrozenSet<string> Live, string Dead, string Doubted);

/// <summary>
/// This gateway's sign of life in Redis, one for all of its streams, and what it sees of the others. So presence costs by change and by gateway, not by
/// stream and time.
/// </summary>
internal sealed class GatewayLease(
    IConnectionMultiplexer redis, RedisProbe probe, EventChannels channels, IOptions<GatewayOptions> options, LoopGuards guards, TimeProvider time)
    : BackgroundService
{
    /// <summary>A view this old still says who is there: viewers of a gateway that died meanwhile have not been counted elsewhere yet (80 ms).</summary>
    private static readonly TimeSpan FreshFor = TimeSpan.FromMilliseconds(50);

    /// <summary>How long reports name a dead gateway. What it left on streams that nobody watched in that time, the audit takes out.</summary>
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(10);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, string> _unsubscribed = [];
    private readonly HashSet<string> _dead = [];
    private GatewaysView _view = new([], "", "");
    private long _lookedAt;
    private Task<GatewaysView>? _looking;
    private ChannelMessageQueue? _own;
    private bool _ownIsSharded;
    private volatile bool _isReleased;

    /// <summary>Changes when the others have given this gateway up.</summary>
    public string Id { get; private set; } = NewId();

    /// <summary>The others do not count this gateway's viewers, or Redis has forgotten them.</summary>
    public event Action? Forgotten;

    /// <summary>Gateways died, and their viewers are to be taken out; ids with spaces between.</summary>
    public event Action<string>? Died;

    /// <summary>As last seen.</summary>
    public GatewaysView View => Volatile.Read(ref _view);

    /// <summary>The gateways as they are now. Many who ask at once share one look.</summary>
    public Task<GatewaysView> LookAsync()
    {
        lock (_lock)
        {
            if (_lookedAt != 0 && time.GetElapsedTime(_lookedAt) < FreshFor)
            {
                return Task.FromResult(_view);
            }

            if (_looking is null or { IsCompleted: true })
            {
                _looking = RenewAsync();
            }

            return _looking;
        }
    }

    /// <summary>This gateway stops: nobody needs to wait for the end of its lease.</summary>
    public Task ReleaseAsync()
    {
        _isReleased = true;
        return redis.GetDatabase().SortedSetRemoveAsync(LiveKeys.Gateways, Id);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Subscribe();
        return guards["gateway lease"].RunEveryAsync(options.Value.PresenceLease / 10, _ => probe.IsAnswering && !_isReleased ? LookAsync() : Task.CompletedTask, stoppingToken);
    }

    private async Task<GatewaysView> RenewAsync()
    {
        await Task.Yield(); // Out of the lock.
        var lookedAt = time.GetTimestamp();
        if (_ownIsSharded != channels.AreSharded)
        {
            SubscribeAnew(); // It was not known yet that this is a cluster.
        }

        var answer = await AskAsync();
        if ((int)answer[0] == 1)
        {
            Id = NewId();
            SubscribeAnew();
            answer = await AskAsync(); // Answers that it does not know this one, so everything is reported under the new id.
        }

        var live = ((string[])answer[1]!).Chunk(2).ToDictionary(pair => pair[0], pair => pair[1]);
        var dead = (string[])answer[2]!;
        var doubted = ((string[])answer[3]!).Concat(await FindUnsubscribedAsync(live)).Where(id => id != Id).Distinct();
        var view = new GatewaysView(live.Keys.ToFrozenSet(), string.Join(' ', dead), string.Join(' ', doubted));
        lock (_lock)
        {
            (_view, _lookedAt) = (view, lookedAt);
        }

        if ((int)answer[0] == -1)
        {
            Forgotten?.Invoke();
        }

        var died = string.Join(' ', dead.Where(id => _dead.Add(id)));
        if (died.Length > 0)
        {
            Died?.Invoke(died);
        }

        _dead.IntersectWith(dead);
        return view;
    }

    private async Task<RedisResult[]> AskAsync()
    {
        var lease = options.Value.PresenceLease;
        return (RedisResult[])(await redis.GetDatabase().ScriptEvaluateAsync(
            LiveScripts.RenewGateway,
            [LiveKeys.Gateways],
            [Id, (long)lease.TotalMilliseconds, (long)(lease * 0.3).TotalMilliseconds, (long)Remembered.TotalMilliseconds]))!;
    }

    /// <summary>
    /// Redis knows at once that the connection of a killed process is gone, and viewers come back in less time than a lease has. A gateway that renews
    /// its lease after its subscription was missed is alive: it connects anew.
    /// </summary>
    private async Task<IReadOnlyList<string>> FindUnsubscribedAsync(Dictionary<string, string> live)
    {
        string[] others = [.. live.Keys.Where(id => id != Id)];
        if (others.Length == 0)
        {
            _unsubscribed.Clear();
            return [];
        }

        RedisResult[] subscribers;
        try
        {
            // Keys, so that a cluster's client asks the node that has them.
            subscribers = (RedisResult[])(await redis.GetDatabase().ExecuteAsync(
                "PUBSUB", [channels.AreSharded ? "SHARDNUMSUB" : "NUMSUB", .. others.Select(id => (RedisKey)LiveKeys.GatewayChannel(id))]))!;
        }
        catch (RedisServerException)
        {
            return []; // This account may not ask. Leases still end.
        }

        foreach (var (index, id) in others.Index())
        {
            if ((long)subscribers[(2 * index) + 1] > 0)
            {
                _unsubscribed.Remove(id);
            }
            else
            {
                _unsubscribed.TryAdd(id, live[id]);
            }
        }

        return [.. _unsubscribed.Where(missed => live.GetValueOrDefault(missed.Key) == missed.Value).Select(missed => missed.Key)];
    }

    private void Subscribe()
    {
        _own = channels.Subscribe(LiveKeys.GatewayChannel(Id));
        _ownIsSharded = channels.AreSharded;
    }

    private void SubscribeAnew()
    {
        EventChannels.Unsubscribe(_own!);
        Subscribe();
    }

    private static string NewId() => Guid.CreateVersion7().ToString("N");
}
