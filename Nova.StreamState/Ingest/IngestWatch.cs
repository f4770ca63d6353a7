using Microsoft.Extensions.Options;
using Nova.Protocol;
using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Health;
using Nova.ServiceDefaults.Postgres;
using Nova.StreamState.Streams;

namespace Nova.StreamState.Ingest;

/// <summary>
/// Notices broadcasters that fell silent (PROTOCOL.md 3.2): with heartbeats, <c>RTMP_CONNECTION_LOST</c> and after a grace
/// <c>connection_lost</c>; without, <c>session_timeout</c>. One replica at a time walks; Redis says who is silent, the row lock in Postgres decides.
/// </summary>
internal sealed class IngestWatch(
    IngestRows rows, WatchedStreams watched, SchemaMigration schema, Leases leases, LoopGuards guards, StreamStore store, RedisProbe redis,
    IOptions<StreamStateOptions> options, TimeProvider time, ILogger<IngestWatch> logger) : BackgroundService
{
    /// <summary>How often all watched streams are named to Redis, which may have forgotten those whose broadcaster went at the same moment.</summary>
    private static readonly TimeSpan SweepInterval = TimeSpan.FromMinutes(1);

    private readonly StreamStateOptions _options = options.Value;
    private readonly Leases.Lease _lease = leases.For("ingest watch");
    private long? _sweptAt;

    /// <summary>Unix ms by Redis' clock. Silence until then is not the broadcasters'.</summary>
    private long _outageEnd;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await schema.Applied.WaitAsync(stoppingToken);
        await guards["ingest watch"].RunEveryAsync(_options.IngestCheckInterval, PassAsync, stoppingToken);
    }

    private async Task PassAsync(CancellationToken cancellationToken)
    {
        // Without Redis nobody's sign of life is known, so nobody is silent.
        if (!await _lease.TryHoldAsync(cancellationToken) || !redis.IsAnswering)
        {
            return;
        }

        var now = await ForgiveOutageAsync(cancellationToken);
        await SweepAsync(cancellationToken);
        foreach (var stream in await watched.FindDueAsync(now))
        {
            await LookAsync(stream, now, cancellationToken);
        }

        await EndLostAsync(cancellationToken);
        await EndUnwatchedAsync(now, cancellationToken);
    }

    /// <summary>
    /// While all replicas, Postgres or Redis were unavailable no heartbeat could be recorded: that silence is ours, not the broadcasters'. How long it was
    /// the lease says, which was not renewed either, or the time of the last walk.
    /// </summary>
    /// <returns>Now, unix ms by Redis' clock.</returns>
    private async Task<long> ForgiveOutageAsync(CancellationToken cancellationToken)
    {
        var (now, before) = await watched.BeginWalkAsync();
        var walkGap = before is { } walkedAt ? TimeSpan.FromMilliseconds(now - walkedAt) : TimeSpan.MaxValue;
        var outage = _lease.TakeGap() is { } leaseGap && leaseGap > walkGap ? leaseGap : walkGap;
        if (outage < Leases.Duration || outage < (_options.HeartbeatTimeout / 3) + _options.IngestCheckInterval)
        {
            return now;
        }

        _outageEnd = now;
        _sweptAt = null; // Redis may have lost its memory, and a first heartbeat that it did not take is in Postgres alone.
        if (await rows.ForgiveAsync(_options.HeartbeatTimeout, cancellationToken) > 0)
        {
            logger.OutageForgiven(before is null ? "an unknown time" : $"{outage.TotalSeconds:F0} s");
        }

        return now;
    }

    private async Task SweepAsync(CancellationToken cancellationToken)
    {
        if (_sweptAt is { } sweptAt && time.GetElapsedTime(sweptAt) < SweepInterval)
        {
            return;
        }

        await watched.AddAsync(await rows.FindWatchedAsync(cancellationToken));
        _sweptAt = time.GetTimestamp();
    }

    private async Task LookAsync(WatchedStream stream, long now, CancellationToken cancellationToken)
    {
        var timeout = (long)_options.HeartbeatTimeout.TotalMilliseconds;
        if (stream.HasEnded)
        {
            await watched.RemoveAsync(stream.StreamId);
        }
        else if (stream.SignalAt is not { } signalAt)
        {
            await watched.HearAsync(stream.StreamId, now);
            await watched.LookAgainAsync(stream.StreamId, now + timeout);
        }
        else if (Math.Max(signalAt, _outageEnd) + timeout is var deadline && deadline > now)
        {
            await watched.LookAgainAsync(stream.StreamId, deadline);
        }
        else
        {
            var result = await store.ChangeAsync(stream.StreamId, new StreamChange(new LoseCommand(_options)), cancellationToken);
            if (result.Outcome == ChangeOutcome.Changed)
            {
                logger.BroadcasterLost(stream.StreamId);
            }

            var isOver = result.Stream?.Status != StreamStatus.Active;
            await (isOver ? watched.RemoveAsync(stream.StreamId) : watched.LookAgainAsync(stream.StreamId, now + (timeout / 3)));
        }
    }

    /// <summary>Ends broadcasts whose grace is over. That the others are lost is in Redis, too, unless it has forgotten it.</summary>
    private async Task EndLostAsync(CancellationToken cancellationToken)
    {
        var lost = await rows.FindLostAsync(_options.ReconnectGrace, cancellationToken);
        await watched.MarkLostAsync(lost.Where(stream => !stream.IsOver).Select(stream => stream.StreamId));
        foreach (var (streamId, _) in lost.Where(stream => stream.IsOver))
        {
            await store.ChangeAsync(streamId, new StreamChange(new EndSilentCommand(_options)), cancellationToken);
        }
    }

    /// <summary>Measurements are signs of life as well, and only Redis knows of them; a stream that has some is asked about once in a timeout.</summary>
    private async Task EndUnwatchedAsync(long now, CancellationToken cancellationToken)
    {
        foreach (var (streamId, signalAt, _) in await watched.ReadAsync(await rows.FindUnwatchedAsync(_options.SessionTimeout, cancellationToken)))
        {
            var silence = TimeSpan.FromMilliseconds(now - Math.Max(signalAt ?? 0, _outageEnd));
            if (silence < _options.SessionTimeout)
            {
                await rows.HearAsync(streamId, silence, cancellationToken);
            }
            else
            {
                await store.ChangeAsync(streamId, new StreamChange(new EndSilentCommand(_options)), cancellationToken);
            }
        }
    }
}
