using Microsoft.Extensions.Options;
using Nova.Protocol.Live;
using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Postgres;
using Nova.StreamState.Timeline;
using Npgsql;
using StackExchange.Redis;

namespace Nova.StreamState.Presence;

/// <summary>
/// Copies viewer numbers and bitrates that changed from Redis to Postgres every few seconds, so that losing Redis loses no older peak and the timeline has
/// samples of both; and measures the outbox's depth in the same round. One replica at a time.
/// </summary>
internal sealed class PresencePersister(
    NpgsqlDataSource dataSource, IConnectionMultiplexer redis, SchemaMigration schema, Leases leases, LoopGuards guards, PresenceReader presence,
    IOptions<StreamStateOptions> options, StreamStateMetrics metrics, TimeProvider time) : BackgroundService
{
    /// <summary>Streams that are read and written together.</summary>
    private const int Batch = 500;

    /// <summary>Nobody waits for these reads, and a number that was missed is read again in the next round.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>How often all active streams are read: Redis may have lost the names of those that changed.</summary>
    private static readonly TimeSpan FullInterval = TimeSpan.FromMinutes(5);

    private readonly Leases.Lease _lease = leases.For("presence persister");
    private long _fullAt = time.GetTimestamp();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await schema.Applied.WaitAsync(stoppingToken);
        await guards["presence persister"].RunEveryAsync(options.Value.PeakInterval, PassAsync, stoppingToken);
    }

    private async Task PassAsync(CancellationToken cancellationToken)
    {
        if (!await _lease.TryHoldAsync(cancellationToken))
        {
            return;
        }

        await MeasureAsync(cancellationToken);
        if (time.GetElapsedTime(_fullAt) > FullInterval)
        {
            _fullAt = time.GetTimestamp();
            foreach (var batch in (await FindActiveAsync(cancellationToken)).Chunk(Batch))
            {
                await PersistAsync(batch, cancellationToken);
            }
        }

        while (await TakeChangedAsync() is { Length: > 0 } changed)
        {
            try
            {
                await PersistAsync([.. changed.Select(id => Guid.Parse((string)id!))], cancellationToken);
            }
            catch
            {
                await redis.GetDatabase().SetAddAsync(LiveKeys.Changed, changed);
                throw;
            }
        }
    }

    private Task<RedisValue[]> TakeChangedAsync() => redis.GetDatabase().SetPopAsync(LiveKeys.Changed, Batch);

    private async Task PersistAsync(Guid[] streamIds, CancellationToken cancellationToken)
    {
        var totals = await presence.ReadAsync(streamIds, Patience, cancellationToken);

        // Only what changed is written: a dead row version per stream and round would be work for vacuum.
        await using var update = dataSource.CreateBatch();
        update.BatchCommands.Add(new(
            """
            UPDATE streams s SET peak_viewers = greatest(s.peak_viewers, live.peak), viewer_count = live.viewers
            FROM unnest($1, $2, $3) AS live (stream_id, viewers, peak)
            WHERE s.stream_id = live.stream_id AND s.status = 'active' AND (s.peak_viewers < live.peak OR s.viewer_count <> live.viewers)
            """)
        {
            Parameters =
            {
                new() { Value = totals.Keys.ToArray() },
                new() { Value = totals.Values.Select(live => live.ViewerCount).ToArray() },
                new() { Value = totals.Values.Select(live => live.PeakViewers).ToArray() },
            },
        });
        update.BatchCommands.Add(TimelineTable.InsertSamples([.. totals.Select(live => new TimelineSample(live.Key, live.Value.ViewerCount, live.Value.BitrateKbps, live.Value.Health))]));
        await update.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<List<Guid>> FindActiveAsync(CancellationToken cancellationToken)
    {
        List<Guid> active = [];
        await using var select = dataSource.CreateCommand("SELECT stream_id FROM streams WHERE status = 'active'");
        await using var reader = await select.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            active.Add(reader.GetGuid(0));
        }

        return active;
    }

    private async Task MeasureAsync(CancellationToken cancellationToken)
    {
        await using var depth = dataSource.CreateCommand("SELECT count(*) FROM outbox");
        metrics.OutboxDepth((long)(await depth.ExecuteScalarAsync(cancellationToken))!);
    }
}
