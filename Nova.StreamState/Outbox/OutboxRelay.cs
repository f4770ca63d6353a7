using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Options;
using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Health;
using Nova.ServiceDefaults.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Nova.StreamState.Outbox;

/// <summary>
/// Carries committed events to Redis, in order within a stream, at least once. The replica that holds a partition's lease works on it; one that
/// froze and comes back publishes nothing twice, since publish.lua knows what the channel has. A signal wakes it; polling is the guarantee.
/// </summary>
internal sealed class OutboxRelay(
    NpgsqlDataSource dataSource, SchemaMigration schema, Leases leases, EventPublisher publisher, RedisProbe redis, OutboxSignals signals, LoopGuards guards,
    IOptions<StreamStateOptions> options, TimeProvider time, StreamStateMetrics metrics) : BackgroundService
{
    private const int BatchSize = 100;

    /// <summary>How soon another replica's partition is asked for again: with a lease of 2 s it changes hands within 3 s.</summary>
    private static readonly TimeSpan LeaseRetry = TimeSpan.FromMilliseconds(750);

    /// <summary>While Redis does not answer events wait in their table. Each try would only cost a time-out.</summary>
    private static readonly TimeSpan RedisRetry = TimeSpan.FromMilliseconds(100);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await schema.Applied.WaitAsync(stoppingToken);
        await Task.WhenAll(Enumerable.Range(0, OutboxTable.Partitions).Select(partition => RunPartitionAsync(partition, stoppingToken)));
    }

    private async Task RunPartitionAsync(int partition, CancellationToken stoppingToken)
    {
        var lease = leases.For($"outbox {partition}");
        await guards["outbox relay"].RunAsync(token => PassAsync(partition, lease, token), stoppingToken);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1), time);
        await lease.ReleaseAsync(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // Else another replica waits for its end.
    }

    private async Task PassAsync(int partition, Leases.Lease lease, CancellationToken cancellationToken)
    {
        if (!await lease.TryHoldAsync(cancellationToken))
        {
            await Task.Delay(LeaseRetry, time, cancellationToken);
        }
        else if (!redis.IsAnswering)
        {
            await Task.Delay(RedisRetry, time, cancellationToken);
        }
        else if (await RelayBatchAsync(partition, cancellationToken) == 0)
        {
            await signals.WaitAsync(partition, options.Value.OutboxPollInterval, cancellationToken);
        }
    }

    /// <returns>How many rows there were.</returns>
    private async Task<int> RelayBatchAsync(int partition, CancellationToken cancellationToken)
    {
        var rows = await ReadAsync(partition, cancellationToken);
        if (rows.Count == 0)
        {
            return 0;
        }

        // A stream's events go together, so that none of them can fail while a later one gets through; streams need not wait for each other.
        var streams = rows.GroupBy(row => row.StreamId).Select(stream => (Rows: stream.ToList(), Published: PublishAsync(stream.Key, [.. stream]))).ToList();
        var all = Task.WhenAll(streams.Select(stream => stream.Published));
        await all.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var done = streams.Where(stream => stream.Published.IsCompletedSuccessfully).SelectMany(stream => stream.Rows).Select(row => row.Id).ToArray();

        await using var delete = dataSource.CreateCommand("DELETE FROM outbox WHERE id = ANY($1)");
        delete.Parameters.Add(new() { Value = done, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint });
        await delete.ExecuteNonQueryAsync(cancellationToken);
        await all; // Throws the failure, after what went well is settled.
        return rows.Count;
    }

    private async Task PublishAsync(Guid streamId, IReadOnlyList<OutboxRow> rows)
    {
        var activities = rows.Select(StartActivity).ToList();
        try
        {
            var now = time.GetUtcNow();
            await publisher.PublishAsync(streamId, [.. rows.Zip(activities, (row, activity) => new PublishedEvent(
                new StreamEvent(row.Version, now, row.EventName, activity?.Id ?? row.TraceParent, row.Envelope), row.HappenedAt))]);
            foreach (var row in rows)
            {
                metrics.EventPublished(row.EventName, now - row.HappenedAt);
            }
        }
        finally
        {
            activities.ForEach(activity => activity?.Dispose());
        }
    }

    private static Activity? StartActivity(OutboxRow row)
    {
        var activity = StreamStateMetrics.Activities.StartActivity(
            $"publish {row.EventName}", ActivityKind.Producer, ActivityContext.TryParse(row.TraceParent, null, out var parent) ? parent : default);
        activity?.SetTag("messaging.system", "redis");
        return activity;
    }

    private async Task<List<OutboxRow>> ReadAsync(int partition, CancellationToken cancellationToken)
    {
        await using var select = dataSource.CreateCommand(
            "SELECT id, stream_id, version, event, happened_at, trace_parent, envelope FROM outbox WHERE partition = $1 ORDER BY id LIMIT $2");
        select.Parameters.Add(new() { Value = (short)partition });
        select.Parameters.Add(new() { Value = BatchSize });
        await using var reader = await select.ExecuteReaderAsync(cancellationToken);
        List<OutboxRow> rows = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(new OutboxRow(
                reader.GetInt64(0), reader.GetGuid(1), reader.GetInt64(2), reader.GetString(3), reader.GetFieldValue<DateTimeOffset>(4), reader.GetString(5),
                Encoding.UTF8.GetBytes(reader.GetString(6))));
        }

        return rows;
    }

    private sealed record OutboxRow(
        long Id, Guid StreamId, long Version, string EventName, DateTimeOffset HappenedAt, string TraceParent, byte[] Envelope);
}
