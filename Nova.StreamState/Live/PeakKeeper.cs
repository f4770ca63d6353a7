using Microsoft.Extensions.Options;
using Nova.ServiceDefaults;
using Npgsql;

namespace Nova.StreamState;

/// <summary>
/// Copies the viewer numbers of active streams from Redis to Postgres every few seconds, so that losing Redis loses no older peak; and
/// does the same round's housekeeping: the outbox's depth as a metric, idempotency keys past their time.
/// </summary>
internal sealed class PeakKeeper(
    NpgsqlDataSource dataSource,
    SchemaMigration schema,
    LiveNumbersReader liveNumbers,
    IOptions<StreamStateOptions> options,
    TimeProvider time,
    StreamStateMetrics metrics,
    ILogger<PeakKeeper> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await schema.Applied.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(options.Value.PeakInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await KeepPeaksAsync(stoppingToken);
                await HousekeepAsync(stoppingToken);
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                logger.LoopFailed(nameof(PeakKeeper), exception.Message);
            }
        }
    }

    private async Task KeepPeaksAsync(CancellationToken cancellationToken)
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
            var numbers = await Task.WhenAll(chunk.Select(liveNumbers.ReadAsync));
            var known = chunk.Zip(numbers).Where(pair => pair.Second is not null).ToList();

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

    private async Task HousekeepAsync(CancellationToken cancellationToken)
    {
        await using var depth = dataSource.CreateCommand("SELECT count(*) FROM outbox");
        metrics.OutboxDepth((long)(await depth.ExecuteScalarAsync(cancellationToken))!);

        await using var forget = dataSource.CreateCommand("DELETE FROM idempotency_keys WHERE created_at < now() - $1");
        forget.Parameters.Add(new() { Value = options.Value.IdempotencyRetention });
        await forget.ExecuteNonQueryAsync(cancellationToken);
    }
}
