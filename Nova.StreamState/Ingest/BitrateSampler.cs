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
    NpgsqlDataSource dataSource, StreamStore store, EventPublisher publisher, StreamStateMetrics metrics, ILogger<BitrateSampler> logger)
{
    public async Task AddAsync(StreamRecord stream, int kbps, CancellationToken cancellationToken)
    {
        metrics.BitrateSample();
        await using var command = dataSource.CreateCommand(
            """
            UPDATE ingest SET bitrate_kbps = $2, bitrate_at = now(),
                bitrate_sent_at = CASE WHEN bitrate_sent_at > now() - $3 THEN bitrate_sent_at ELSE now() END
            WHERE stream_id = $1 RETURNING CASE WHEN bitrate_sent_at = now() THEN now() END
            """);
        command.Parameters.Add(new() { Value = stream.StreamId });
        command.Parameters.Add(new() { Value = kbps });
        command.Parameters.Add(new() { Value = Limits.BitrateInterval });
        if (await command.ExecuteScalarAsync(cancellationToken) is DateTime now)
        {
            await PublishAsync(stream, kbps, now);
        }
    }

    /// <summary>Sends the samples that were held back and whose time has come.</summary>
    public async Task SendDueAsync(CancellationToken cancellationToken)
    {
        List<(Guid StreamId, int Kbps, DateTimeOffset At)> due = [];
        await using (var command = dataSource.CreateCommand(
            """
            UPDATE ingest SET bitrate_sent_at = now()
            WHERE bitrate_at > bitrate_sent_at AND bitrate_sent_at <= now() - $1 RETURNING stream_id, bitrate_kbps, now()
            """))
        {
            command.Parameters.Add(new() { Value = Limits.BitrateInterval });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                due.Add((reader.GetGuid(0), reader.GetInt32(1), reader.GetFieldValue<DateTimeOffset>(2)));
            }
        }

        foreach (var (streamId, kbps, at) in due)
        {
            if (await store.FindAsync(streamId, cancellationToken) is { Stream: { Status: StreamStatus.Active } stream })
            {
                await PublishAsync(stream, kbps, at);
            }
        }
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
