using Nova.Protocol;
using Nova.StreamState.Outbox;
using Nova.StreamState.Streams;
using Npgsql;

namespace Nova.StreamState.Ingest;

/// <summary>
/// Lets at most one <c>bitrate_update</c> per 5 s of a stream leave, the newest value (S33). Samples are kept in Postgres, so that it does
/// not matter which replica gets them; they are no state, so they go straight to the channel.
/// </summary>
internal sealed class BitrateSampler(
    NpgsqlDataSource dataSource, StreamStore store, EventPublisher publisher, TimeProvider time, StreamStateMetrics metrics,
    ILogger<BitrateSampler> logger)
{
    /// <summary>What an event that was just committed takes to reach the channel, mostly.</summary>
    private static readonly TimeSpan RelayTime = TimeSpan.FromMilliseconds(50);

    public async Task AddAsync(StreamRecord stream, int kbps, CancellationToken cancellationToken)
    {
        metrics.BitrateSample();
        await using var command = dataSource.CreateCommand(
            """
            UPDATE ingest SET bitrate_kbps = $2, bitrate_at = clock_timestamp() WHERE stream_id = $1
            RETURNING bitrate_sent_at IS NULL OR bitrate_sent_at <= clock_timestamp() - $3
            """);
        command.Parameters.Add(new() { Value = stream.StreamId });
        command.Parameters.Add(new() { Value = kbps });
        command.Parameters.Add(new() { Value = Limits.BitrateInterval });
        if (await command.ExecuteScalarAsync(cancellationToken) is true && !await TrySendAsync(stream.StreamId, cancellationToken))
        {
            await Task.Delay(RelayTime, time, cancellationToken);
            await TrySendAsync(stream.StreamId, cancellationToken); // Else it leaves with the next check.
        }
    }

    /// <summary>Sends the samples that were held back and whose time has come.</summary>
    public async Task SendDueAsync(CancellationToken cancellationToken)
    {
        List<Guid> due = [];
        await using (var command = dataSource.CreateCommand(
            "SELECT stream_id FROM ingest WHERE bitrate_at > coalesce(bitrate_sent_at, '-infinity') AND coalesce(bitrate_sent_at, '-infinity') <= now() - $1"))
        {
            command.Parameters.Add(new() { Value = Limits.BitrateInterval });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                due.Add(reader.GetGuid(0));
            }
        }

        foreach (var streamId in due)
        {
            await TrySendAsync(streamId, cancellationToken);
        }
    }

    /// <summary>
    /// Sends the newest sample if it is due and nothing of its stream is on its way: under the row lock no event can be committed, and one that
    /// waits in the outbox has an earlier time and must be on the channel first (S45).
    /// </summary>
    private async Task<bool> TrySendAsync(Guid streamId, CancellationToken cancellationToken)
    {
        await publisher.AnnounceAsync(streamId, cancellationToken);
        try
        {
            return await SendUnderLockAsync(streamId, cancellationToken);
        }
        finally
        {
            publisher.Withdraw(streamId);
        }
    }

    private async Task<bool> SendUnderLockAsync(Guid streamId, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (var @lock = new NpgsqlCommand("SELECT 1 FROM streams WHERE stream_id = $1 AND status = 'active' FOR UPDATE", connection))
        {
            @lock.Parameters.Add(new() { Value = streamId });
            if (await @lock.ExecuteScalarAsync(cancellationToken) is null)
            {
                return false;
            }
        }

        await using var take = new NpgsqlCommand(
            """
            UPDATE ingest SET bitrate_sent_at = clock_timestamp()
            WHERE stream_id = $1 AND bitrate_at > coalesce(bitrate_sent_at, '-infinity') AND coalesce(bitrate_sent_at, '-infinity') <= clock_timestamp() - $2
              AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.stream_id = $1)
            RETURNING bitrate_kbps, bitrate_sent_at
            """,
            connection)
        {
            Parameters = { new() { Value = streamId }, new() { Value = Limits.BitrateInterval } },
        };
        int kbps;
        DateTimeOffset now;
        await using (var reader = await take.ExecuteReaderAsync(cancellationToken))
        {
            if (!await reader.ReadAsync(cancellationToken))
            {
                return false;
            }

            (kbps, now) = (reader.GetInt32(0), reader.GetFieldValue<DateTimeOffset>(1));
        }

        if (await store.FindAsync(streamId, cancellationToken) is { Stream: var stream })
        {
            await PublishAsync(stream, kbps, now);
        }

        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    /// <param name="now">When it leaves, not when it was measured up to 5 s before: times on the channel do not go back (S45).</param>
    private async Task PublishAsync(StreamRecord stream, int kbps, DateTimeOffset now)
    {
        var at = (now > stream.LastEventAt ? now : stream.LastEventAt).TruncateToMilliseconds();
        var update = new BitrateUpdate(
            stream.StreamId, kbps, stream.Quality, BitrateLadder.Health(kbps, stream.EffectiveMaxBitrateKbps), at);
        try
        {
            await publisher.PublishAsync(
                stream.StreamId,
                new StreamEvent(0, at, EventNames.BitrateUpdate, System.Diagnostics.Activity.Current?.Id ?? "", ProtocolJson.Encode(update)),
                at);
        }
        catch (Exception exception) when (exception is StackExchange.Redis.RedisException or TimeoutException)
        {
            logger.LoopFailed(nameof(BitrateSampler), exception.Message); // A newer one follows; an old one is worth nothing.
        }
    }
}
