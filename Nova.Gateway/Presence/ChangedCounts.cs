using Nova.Protocol.Live;
using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Health;
using StackExchange.Redis;

namespace Nova.Gateway.Presence;

/// <summary>Names the streams whose counts this gateway published, so that StreamState copies those to Postgres and need not look at the others.</summary>
internal sealed class ChangedCounts(IConnectionMultiplexer redis, RedisProbe probe, LoopGuards guards) : BackgroundService
{
    private readonly Lock _lock = new();
    private HashSet<Guid> _streams = [];

    public void Add(Guid streamId)
    {
        lock (_lock)
        {
            _streams.Add(streamId);
        }
    }

    /// <summary>What Redis does not take is copied with the stream's next change, or by StreamState's look at all of them.</summary>
    public async Task FlushAsync()
    {
        HashSet<Guid> streams;
        lock (_lock)
        {
            (streams, _streams) = (_streams, []);
        }

        foreach (var chunk in streams.Chunk(1000))
        {
            await redis.GetDatabase().SetAddAsync(LiveKeys.Changed, [.. chunk.Select(id => (RedisValue)id.ToString("D"))]);
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        guards["changed counts"].RunEveryAsync(TimeSpan.FromSeconds(1), _ => probe.IsAnswering ? FlushAsync() : Task.CompletedTask, stoppingToken);
}
