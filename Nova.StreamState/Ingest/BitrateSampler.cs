using System.Diagnostics;
using Nova.Protocol;
using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Health;
using Nova.ServiceDefaults.Postgres;
using Nova.StreamState.Outbox;
using Nova.StreamState.Streams;
using Npgsql;

namespace Nova.StreamState.Ingest;

/// <summary>
/// Lets at most one <c>bitrate_update</c> per 5 s of a stream leave, the newest value (S33). Samples are kept in Postgres, so that it does
/// not matter which replica gets them; they are no state, so they go straight to the channel. A sample is taken from Postgres in one statement
/// and sent afterwards: nothing of Postgres is held while Redis is asked.
/// </summary>
internal sealed class BitrateSampler(
    NpgsqlDataSource dataSource, EventPublisher publisher, BroadcasterLiveness liveness, RedisProbe redis, LoopGuards guards, StreamStateMetrics metrics)
{
    /// <summary>Samples that were held back and leave together in one check; the next check takes the rest.</summary>
    private const int MaxDue = 1000;

    private readonly LoopGuard _guard = guards["bitrate sampler"];

    public async Task AddAsync(StreamRecord stream, int kbps, CancellationToken cancellationToken)
    {
        metrics.BitrateSample();
        var (isDue, isLost, now) = (false, false, default(DateTimeOffset));
        await using (var command = dataSource.CreateCommand(
            """
            UPDATE ingest SET last_signal_at = now(), bitrate_kbps = $2, bitrate_at = now(),
                bitrate_sent_at = CASE WHEN coalesce(bitrate_sent_at, '-infinity') <= now() - $3 THEN now() ELSE bitrate_sent_at END
            WHERE stream_id = $1
            RETURNING bitrate_sent_at = now() AS is_due, lost_at IS NOT NULL AS is_lost, now() AS now
            """))
        {
            command.Parameters.Add(new() { Value = stream.StreamId });
            command.Parameters.Add(new() { Value = kbps });
            command.Parameters.Add(new() { Value = Limits.BitrateInterval });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            if (await reader.ReadAsync(cancellationToken))
            {
                (isDue, isLost, now) = (reader.Find<bool>("is_due") ?? false, reader.Get<bool>("is_lost"), reader.Get<DateTimeOffset>("now"));
            }
        }

        if (isLost)
        {
            await liveness.RestoreAsync(stream.StreamId, cancellationToken);
        }

        if (isDue)
        {
            Send(stream, kbps, now);
        }
    }

    /// <summary>Sends the samples that were held back and whose time has come.</summary>
    public async Task SendDueAsync(CancellationToken cancellationToken)
    {
        List<(StreamRecord Stream, int Kbps, DateTimeOffset Now)> due = [];
        await using (var command = dataSource.CreateCommand(
            $"""
            WITH due AS (
                SELECT stream_id FROM ingest
                WHERE bitrate_at > coalesce(bitrate_sent_at, '-infinity') AND coalesce(bitrate_sent_at, '-infinity') <= now() - $1 AND lost_at IS NULL
                LIMIT $2 FOR UPDATE SKIP LOCKED),
            taken AS (UPDATE ingest i SET bitrate_sent_at = now() FROM due WHERE i.stream_id = due.stream_id RETURNING i.stream_id, i.bitrate_kbps)
            SELECT {StreamRows.Columns}, taken.bitrate_kbps AS measured_kbps, now() AS now FROM taken JOIN streams s USING (stream_id)
            """))
        {
            command.Parameters.Add(new() { Value = Limits.BitrateInterval });
            command.Parameters.Add(new() { Value = MaxDue });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                due.Add((StreamRows.Read(reader), reader.Get<int>("measured_kbps"), reader.Get<DateTimeOffset>("now")));
            }
        }

        due.ForEach(sample => Send(sample.Stream, sample.Kbps, sample.Now));
    }

    /// <summary>Without waiting: the publisher has its answer whatever Redis does. What fails is not tried again; a newer sample follows.</summary>
    /// <param name="now">By the database's clock: times on the channel come from one clock.</param>
    private void Send(StreamRecord stream, int kbps, DateTimeOffset now)
    {
        if (!redis.IsAnswering)
        {
            return;
        }

        var traceParent = Activity.Current?.Id ?? "";
        _guard.Start(() => publisher.PublishSampleAsync(
            stream.StreamId,
            (now > stream.LastEventAt ? now : stream.LastEventAt).TruncateToMilliseconds(),
            at => new StreamEvent(0, at, EventNames.BitrateUpdate, traceParent, ProtocolJson.Encode(new BitrateUpdate(
                stream.StreamId, kbps, stream.Quality, BitrateLadder.Health(kbps, stream.EffectiveMaxBitrateKbps), at)))));
    }
}
