using Microsoft.Extensions.Options;
using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Postgres;
using Npgsql;

namespace Nova.StreamState.Presence;

/// <summary>
/// Copies the viewer numbers of active streams from Redis to Postgres every few seconds, so that losing Redis loses no older peak; and measures the
/// outbox's depth in the same round. One replica at a time.
/// </summary>
internal sealed class PresencePersister(
    NpgsqlDataSource dataSource, SchemaMigration schema, Leases leases, LoopGuards guards, PresenceReader presence, IOptions<StreamStateOptions> options,
    StreamStateMetrics metrics) : BackgroundService
{
    /// <summary>Nobody waits for these reads, and a number that was missed is read again in the next round.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly Leases.Lease _lease = leases.For("presence persister");

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await schema.Applied.WaitAsync(stoppingToken);
        await guards["presence persister"].RunEveryAsync(options.Value.PeakInterval, PassAsync, stoppingToken);
    }

    private async Task PassAsync(CancellationToken cancellationToken)
    {
        if (await _lease.TryHoldAsync(cancellationToken))
        {
            await PersistAsync(cancellationToken);
            await MeasureAsync(cancellationToken);
        }
    }

    private async Task PersistAsync(CancellationToken cancellationToken)
    {
        List<Guid> active = [];
        await using (var select = dataSource.CreateCommand("SELECT stream_id FROM streams WHERE status = 'active'"))
        {
            await using var reader = await select.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                active.Add(reader.GetGuid(0));
            }
        }

        foreach (var chunk in active.Chunk(500))
        {
            var totals = await Task.WhenAll(chunk.Select(streamId => presence.ReadAsync(streamId, Patience, cancellationToken)));
            var known = chunk.Zip(totals).Where(pair => pair.Second is not null).ToList();

            // Only what changed is written: a dead row version per stream and round would be work for vacuum.
            await using var update = dataSource.CreateCommand(
                """
                UPDATE streams s SET peak_viewers = greatest(s.peak_viewers, live.peak), viewer_count = live.viewers
                FROM unnest($1, $2, $3) AS live (stream_id, viewers, peak)
                WHERE s.stream_id = live.stream_id AND s.status = 'active' AND (s.peak_viewers < live.peak OR s.viewer_count <> live.viewers)
                """);
            update.Parameters.Add(new() { Value = known.Select(pair => pair.First).ToArray() });
            update.Parameters.Add(new() { Value = known.Select(pair => pair.Second!.Value.ViewerCount).ToArray() });
            update.Parameters.Add(new() { Value = known.Select(pair => pair.Second!.Value.PeakViewers).ToArray() });
            await update.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private async Task MeasureAsync(CancellationToken cancellationToken)
    {
        await using var depth = dataSource.CreateCommand("SELECT count(*) FROM outbox");
        metrics.OutboxDepth((long)(await depth.ExecuteScalarAsync(cancellationToken))!);
    }
}
