using Microsoft.Extensions.Options;
using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Postgres;
using Npgsql;

namespace Nova.StreamState.Retention;

/// <summary>
/// Deletes what is past its time. One replica at a time, in batches that each are a transaction of a few milliseconds and wait for no lock, so that
/// no change ever waits for it.
/// </summary>
internal sealed class RetentionSweep(
    NpgsqlDataSource dataSource, SchemaMigration schema, Leases leases, LoopGuards guards, IOptions<StreamStateOptions> options, StreamStateMetrics metrics)
    : BackgroundService
{
    private const int Batch = 500;

    private readonly Leases.Lease _lease = leases.For("retention");

    /// <summary>Each takes an age and a number of rows.</summary>
    private readonly (string What, string Delete, TimeSpan Age)[] _rules =
    [
        (
            "streams",
            """
            WITH old AS (
                SELECT stream_id FROM streams WHERE status = 'ended' AND ended_at < now() - $1 ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED),
            events AS (DELETE FROM stream_events WHERE stream_id IN (SELECT stream_id FROM old)),
            removed AS (DELETE FROM removed_viewers WHERE stream_id IN (SELECT stream_id FROM old)),
            signals AS (DELETE FROM ingest WHERE stream_id IN (SELECT stream_id FROM old)),
            unpublished AS (DELETE FROM outbox WHERE stream_id IN (SELECT stream_id FROM old))
            DELETE FROM streams WHERE stream_id IN (SELECT stream_id FROM old)
            """,
            options.Value.StreamRetention
        ),
        (
            "deleted_streams",
            "DELETE FROM deleted_streams WHERE ctid = ANY(ARRAY(SELECT ctid FROM deleted_streams WHERE deleted_at < now() - $1 LIMIT $2 FOR UPDATE SKIP LOCKED))",
            options.Value.StreamRetention
        ),
        (
            "idempotency_keys",
            "DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(SELECT ctid FROM idempotency_keys WHERE created_at < now() - $1 LIMIT $2 FOR UPDATE SKIP LOCKED))",
            options.Value.IdempotencyRetention
        ),
        (
            "removed_viewers",
            "DELETE FROM removed_viewers WHERE ctid = ANY(ARRAY(SELECT ctid FROM removed_viewers WHERE until < now() - $1 LIMIT $2 FOR UPDATE SKIP LOCKED))",
            TimeSpan.Zero
        ),
        (
            "outbox",
            "DELETE FROM outbox WHERE id = ANY(ARRAY(SELECT id FROM outbox WHERE happened_at < now() - $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED))",
            options.Value.OutboxRetention
        ),
        (
            "timeline",
            "DELETE FROM timeline WHERE ctid = ANY(ARRAY(SELECT ctid FROM timeline WHERE happened_at < now() - $1 LIMIT $2 FOR UPDATE SKIP LOCKED))",
            options.Value.TimelineRetention
        ),
    ];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await schema.Applied.WaitAsync(stoppingToken);
        await guards["retention"].RunEveryAsync(options.Value.RetentionInterval, SweepAsync, stoppingToken);
    }

    private async Task SweepAsync(CancellationToken cancellationToken)
    {
        foreach (var (what, delete, age) in _rules)
        {
            var deleted = Batch;
            while (deleted == Batch && await _lease.TryHoldAsync(cancellationToken))
            {
                await using var command = dataSource.CreateCommand(delete);
                command.Parameters.Add(new() { Value = age });
                command.Parameters.Add(new() { Value = Batch });
                deleted = await command.ExecuteNonQueryAsync(cancellationToken);
                metrics.Deleted(what, deleted);
            }
        }
    }
}
