using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Health;
using Nova.ServiceDefaults.Redis;
using Nova.StreamState.Presence;
using Nova.StreamState.Streams;
using StackExchange.Redis;

namespace Nova.StreamState.Ingest;

/// <summary>
/// Takes broadcasters' heartbeats and measurements: one script on the stream's hash in Redis for each, nothing in Postgres. At most one
/// <c>bitrate_update</c> per 5 s of a stream leaves, the newest value (S33).
/// </summary>
internal sealed class IngestSignals(
    IConnectionMultiplexer redis, RedisChannels channels, RedisProbe probe, ActiveStreams streams, WatchedStreams watched, BroadcasterLiveness liveness, HeldBitrates held,
    LoopGuards guards, TimeProvider time)
{
    private const string Heartbeat = "heartbeat";
    private const string Held = "held";

    private readonly LoopGuard _guard = guards["ingest signals"];

    /// <returns>The stream as it is; no longer active where it has ended meanwhile.</returns>
    public Task<StreamRecord> BeatAsync(StreamRecord stream, CancellationToken cancellationToken) => RecordAsync(stream, Heartbeat, cancellationToken);

    /// <returns>The stream as it is; no longer active where it has ended meanwhile.</returns>
    public Task<StreamRecord> MeasureAsync(StreamRecord stream, int kbps, CancellationToken cancellationToken) => RecordAsync(stream, kbps, cancellationToken);

    /// <summary>The time of a measurement that was held back has come.</summary>
    public Task PublishHeldAsync(StreamRecord stream, CancellationToken cancellationToken) => RecordAsync(stream, Held, cancellationToken);

    private async Task<StreamRecord> RecordAsync(StreamRecord stream, RedisValue signal, CancellationToken cancellationToken)
    {
        const int Attempts = 3; // Each change of the stream that comes between costs one.
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            if (await TryCallAsync(stream, signal) is not { } answer)
            {
                if (signal != Held)
                {
                    await liveness.RecordInPostgresAsync(stream.StreamId, isHeartbeat: signal == Heartbeat, cancellationToken);
                }

                return stream;
            }

            if (answer.Outcome == Outcome.Done)
            {
                await FollowUpAsync(stream, answer, cancellationToken);
                return stream;
            }

            streams.Forget(stream.StreamId);
            if (await streams.FindAsync(stream.StreamId, cancellationToken) is not { Status: StreamStatus.Active } newer)
            {
                return stream with { Status = StreamStatus.Ended };
            }

            stream = newer;
        }

        return stream; // It changes faster than it is read; the next measurement is as good.
    }

    /// <returns>Null where Redis does not take it, or hangs.</returns>
    private async Task<Answer?> TryCallAsync(StreamRecord stream, RedisValue signal)
    {
        if (!probe.IsAnswering)
        {
            return null;
        }

        var call = CallAsync(stream, signal);
        try
        {
            return await call.WaitAsync(PresenceReader.Patience, time);
        }
        catch (TimeoutException) when (!call.IsCompleted)
        {
            _guard.Start(() => FollowLateAsync(stream, call));
            return null;
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            return null;
        }
    }

    /// <summary>Redis is slow: the caller has its answer, and what the signal means is still to be done.</summary>
    private async Task FollowLateAsync(StreamRecord stream, Task<Answer> call)
    {
        try
        {
            if (await call is { Outcome: Outcome.Done } answer)
            {
                await FollowUpAsync(stream, answer, CancellationToken.None);
            }
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            // It hangs, and the signal is in Postgres.
        }
    }

    private async Task<Answer> CallAsync(StreamRecord stream, RedisValue signal)
    {
        var answer = (int[])(await redis.GetDatabase().ScriptEvaluateAsync(
            LiveScripts.RecordSignal,
            [LiveKeys.Stream(stream.StreamId)],
            [
                LiveKeys.Channel(stream.StreamId), channels.PublishCommand, (long)LiveKeys.TimeToLive.TotalSeconds, signal,
                WireNames<StreamQuality>.Of(stream.Quality), stream.EffectiveMaxBitrateKbps, stream.Version, (long)Limits.BitrateInterval.TotalMilliseconds,
            ]))!;
        return new Answer((Outcome)answer[0], answer[1] == 1, answer[2] == 1, TimeSpan.FromMilliseconds(answer[3]), answer[4] == 1);
    }

    private async Task FollowUpAsync(StreamRecord stream, Answer answer, CancellationToken cancellationToken)
    {
        if (answer.IsFirstHeartbeat)
        {
            await liveness.WatchAsync(stream.StreamId, cancellationToken);
            await watched.AddAsync([stream.StreamId]);
        }

        if (answer.IsLost)
        {
            await liveness.RestoreAsync(stream.StreamId, cancellationToken);
        }

        if (answer.IsPublished)
        {
            _ = redis.GetDatabase().SetAddAsync(LiveKeys.Changed, stream.StreamId.ToString("D"), CommandFlags.FireAndForget); // The persister samples it.
        }

        if (answer.HeldFor > TimeSpan.Zero)
        {
            held.Add(stream, answer.HeldFor);
        }
    }

    private enum Outcome
    {
        Done = 0,
        Ended = 1,
        Changed = 2,
    }

    private sealed record Answer(Outcome Outcome, bool IsLost, bool IsFirstHeartbeat, TimeSpan HeldFor, bool IsPublished);
}
