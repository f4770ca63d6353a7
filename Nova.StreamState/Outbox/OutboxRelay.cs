using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Options;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Npgsql;
using NpgsqlTypes;
using StackExchange.Redis;

namespace Nova.StreamState.Outbox;

/// <summary>
/// Carries committed events to Redis, in order within a stream, at least once. One replica works on a partition at a time: it holds the
/// partition's advisory lock, which Postgres frees when the connection dies. A notification wakes it; polling is the guarantee.
/// </summary>
internal sealed class OutboxRelay(
    NpgsqlDataSource dataSource,
    SchemaMigration schema,
    EventPublisher publisher,
    IOptions<StreamStateOptions> options,
    TimeProvider time,
    StreamStateMetrics metrics,
    ILogger<OutboxRelay> logger) : BackgroundService
{
    private const int BatchSize = 100;

    /// <summary>First half of the two-part advisory lock key; the partition is the second.</summary>
    private const int LockClass = 0x6F757462;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await schema.Applied.WaitAsync(stoppingToken);
        await Task.WhenAll(Enumerable.Range(0, OutboxTable.Partitions).Select(partition => RunPartitionAsync(partition, stoppingToken)));
    }

    private async Task RunPartitionAsync(int partition, CancellationToken stoppingToken)
    {
        for (var attempt = 0; !stoppingToken.IsCancellationRequested; attempt++)
        {
            try
            {
                await using var connection = await dataSource.OpenConnectionAsync(stoppingToken);
                if (await TryLockAsync(connection, partition, stoppingToken))
                {
                    attempt = 0;
                    await RelayAsync(connection, partition, stoppingToken);
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception)
            {
                logger.RelayInterrupted(partition, exception.Message);
            }

            // Another replica has the partition, or something is away: look again later, not all at once.
            await Task.Delay(Backoff.Next(attempt), time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task<bool> TryLockAsync(NpgsqlConnection connection, int partition, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("SELECT pg_try_advisory_lock($1, $2)", connection)
        {
            Parameters = { new() { Value = LockClass }, new() { Value = partition } },
        };
        return (bool)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private async Task RelayAsync(NpgsqlConnection connection, int partition, CancellationToken stoppingToken)
    {
        await using (var listen = new NpgsqlCommand($"LISTEN {OutboxTable.Channel(partition)}", connection))
        {
            await listen.ExecuteNonQueryAsync(stoppingToken);
        }

        while (true)
        {
            if (await RelayBatchAsync(connection, partition, stoppingToken) == 0)
            {
                await connection.WaitAsync(options.Value.OutboxPollInterval, stoppingToken);
            }
        }
    }

    private async Task<int> RelayBatchAsync(NpgsqlConnection connection, int partition, CancellationToken cancellationToken)
    {
        var rows = await ReadAsync(connection, partition, cancellationToken);
        if (rows.Count == 0)
        {
            return 0;
        }

        // One connection keeps them in order, so they need not wait for each other. A row that failed while a later one of its stream got
        // through is skipped by publish.lua the next time; gateways see the gap and read the snapshot.
        var published = rows.Select(row => PublishAsync(row)).ToList();
        await Task.WhenAll(published).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var done = rows.Where((_, index) => published[index].IsCompletedSuccessfully).Select(row => row.Id).ToArray();

        await using var delete = new NpgsqlCommand("DELETE FROM outbox WHERE id = ANY($1)", connection) { Parameters = { new() { Value = done, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint } } };
        await delete.ExecuteNonQueryAsync(cancellationToken);
        await Task.WhenAll(published); // Throws the failure, after what went well is settled.
        return rows.Count;
    }

    private async Task PublishAsync(OutboxRow row)
    {
        using var activity = StreamStateMetrics.Activities.StartActivity(
            $"publish {row.EventName}", ActivityKind.Producer, ActivityContext.TryParse(row.TraceParent, null, out var parent) ? parent : default);
        activity?.SetTag("messaging.system", "redis");
        var now = time.GetUtcNow();
        await publisher.PublishAsync(
            row.StreamId, new StreamEvent(row.Version, now, row.EventName, activity?.Id ?? row.TraceParent, row.Envelope), row.HappenedAt);
        metrics.EventPublished(row.EventName, now - row.HappenedAt);
    }

    private static async Task<List<OutboxRow>> ReadAsync(NpgsqlConnection connection, int partition, CancellationToken cancellationToken)
    {
        await using var select = new NpgsqlCommand(OutboxTable.ColumnsAndOrder, connection)
        {
            Parameters = { new() { Value = (short)partition }, new() { Value = BatchSize } },
        };
        await using var reader = await select.ExecuteReaderAsync(cancellationToken);
        List<OutboxRow> rows = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(new OutboxRow(
                reader.GetInt64(0),
                reader.GetGuid(1),
                reader.GetInt64(2),
                reader.GetString(3),
                reader.GetFieldValue<DateTimeOffset>(4),
                reader.GetString(5),
                Encoding.UTF8.GetBytes(reader.GetString(6))));
        }

        return rows;
    }

    private sealed record OutboxRow(
        long Id, Guid StreamId, long Version, string EventName, DateTimeOffset HappenedAt, string TraceParent, byte[] Envelope);
}
