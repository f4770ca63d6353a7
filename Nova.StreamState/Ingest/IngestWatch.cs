using Microsoft.Extensions.Options;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.StreamState.Streams;
using Npgsql;

namespace Nova.StreamState.Ingest;

/// <summary>
/// Notices broadcasters that fell silent (PROTOCOL.md 3.2): with heartbeats, <c>RTMP_CONNECTION_LOST</c> and after a grace
/// <c>connection_lost</c>; without, <c>session_timeout</c>. Any number of replicas may watch: the row lock decides.
/// </summary>
internal sealed class IngestWatch(
    NpgsqlDataSource dataSource,
    SchemaMigration schema,
    StreamStore store,
    BitrateSampler sampler,
    IOptions<StreamStateOptions> options,
    TimeProvider time,
    ILogger<IngestWatch> logger) : BackgroundService
{
    private readonly StreamStateOptions _options = options.Value;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await schema.Applied.WaitAsync(stoppingToken);
        long? lastPass = null;
        using var timer = new PeriodicTimer(_options.IngestCheckInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await ForgiveOutageAsync(lastPass, stoppingToken);
                foreach (var streamId in await FindSilentAsync(stoppingToken))
                {
                    await JudgeAsync(streamId, stoppingToken);
                }

                await sampler.SendDueAsync(stoppingToken);
                lastPass = time.GetTimestamp();
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                logger.LoopFailed(nameof(IngestWatch), exception.Message);
            }
        }
    }

    /// <summary>While this service or Postgres was away no heartbeat could be heard: that silence is ours, not the broadcasters'.</summary>
    private async Task ForgiveOutageAsync(long? lastPass, CancellationToken cancellationToken)
    {
        var deaf = lastPass is { } last ? time.GetElapsedTime(last) : _options.HeartbeatTimeout;
        if (deaf < _options.HeartbeatTimeout / 3 + _options.IngestCheckInterval)
        {
            return;
        }

        await using var command = dataSource.CreateCommand(
            """
            UPDATE ingest SET last_signal_at = now(), lost_at = CASE WHEN lost_at IS NULL THEN NULL ELSE now() END
            WHERE last_signal_at < now() - $1
            """);
        command.Parameters.Add(new() { Value = _options.HeartbeatTimeout });
        if (await command.ExecuteNonQueryAsync(cancellationToken) > 0)
        {
            logger.OutageForgiven(deaf.TotalSeconds);
        }
    }

    private async Task<List<Guid>> FindSilentAsync(CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            """
            SELECT stream_id FROM ingest
            WHERE (watched AND lost_at IS NULL AND last_signal_at < now() - $1)
               OR lost_at < now() - $2
               OR (NOT watched AND last_signal_at < now() - $3)
            LIMIT 1000
            """);
        command.Parameters.Add(new() { Value = _options.HeartbeatTimeout });
        command.Parameters.Add(new() { Value = _options.ReconnectGrace });
        command.Parameters.Add(new() { Value = _options.SessionTimeout });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        List<Guid> silent = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            silent.Add(reader.GetGuid(0));
        }

        return silent;
    }

    private async Task JudgeAsync(Guid streamId, CancellationToken cancellationToken)
    {
        var lost = await store.ChangeAsync(
            streamId,
            new StreamChange(
                (locked, _) => IsLost(locked) ? StreamLifecycle.ReportError(locked.Stream, PublishError.ConnectionLost, locked.Now) : null,
                IngestSignal.Lost),
            cancellationToken);
        if (lost.Outcome == ChangeOutcome.Changed)
        {
            logger.BroadcasterLost(streamId);
            return;
        }

        await store.ChangeAsync(
            streamId,
            new StreamChange(
                (locked, live) => EndReasonOf(locked) is { } reason ? StreamLifecycle.End(locked.Stream, reason, live, locked.Now) : null,
                IngestSignal.None),
            cancellationToken);
    }

    // Asked again under the row lock: a sign of life may have come since the stream was found silent.
    private bool IsLost(LockedStream locked) =>
        locked is { Watched: true, LostAt: null } && locked.LastSignalAt < locked.Now - _options.HeartbeatTimeout;

    private EndReason? EndReasonOf(LockedStream locked) =>
        locked.LostAt < locked.Now - _options.ReconnectGrace ? EndReason.ConnectionLost
        : !locked.Watched && locked.LastSignalAt < locked.Now - _options.SessionTimeout ? EndReason.SessionTimeout
        : null;
}
