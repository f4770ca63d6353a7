using Microsoft.Extensions.Options;
using Nova.Protocol;
using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Postgres;
using Nova.StreamState.Presence;
using Nova.StreamState.Streams;
using Npgsql;

namespace Nova.StreamState.Ingest;

/// <summary>
/// Notices broadcasters that fell silent (PROTOCOL.md 3.2): with heartbeats, <c>RTMP_CONNECTION_LOST</c> and after a grace
/// <c>connection_lost</c>; without, <c>session_timeout</c>. One replica at a time looks; the row lock decides.
/// </summary>
internal sealed class IngestWatch(
    NpgsqlDataSource dataSource, SchemaMigration schema, Leases leases, LoopGuards guards, StreamStore store, BitrateSampler sampler,
    IOptions<StreamStateOptions> options, ILogger<IngestWatch> logger) : BackgroundService
{
    private readonly StreamStateOptions _options = options.Value;
    private readonly Leases.Lease _lease = leases.For("ingest watch");

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await schema.Applied.WaitAsync(stoppingToken);
        await guards["ingest watch"].RunEveryAsync(_options.IngestCheckInterval, PassAsync, stoppingToken);
    }

    private async Task PassAsync(CancellationToken cancellationToken)
    {
        if (!await _lease.TryHoldAsync(cancellationToken))
        {
            return;
        }

        await ForgiveOutageAsync(cancellationToken);
        foreach (var streamId in await FindSilentAsync(cancellationToken))
        {
            await JudgeAsync(streamId, cancellationToken);
        }

        await sampler.SendDueAsync(cancellationToken);
    }

    /// <summary>
    /// While all replicas or Postgres were unavailable no heartbeat could be recorded: that silence is ours, not the broadcasters'. How long it was
    /// the lease says, which was not renewed either.
    /// </summary>
    private async Task ForgiveOutageAsync(CancellationToken cancellationToken)
    {
        var outage = _lease.TakeGap() ?? TimeSpan.Zero;
        if (outage < Leases.Duration || outage < (_options.HeartbeatTimeout / 3) + _options.IngestCheckInterval)
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
            logger.OutageForgiven(outage.TotalSeconds);
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
        var lost = await store.ChangeAsync(streamId, new StreamChange(new LoseCommand(_options)), cancellationToken);
        if (lost.Outcome == ChangeOutcome.Changed)
        {
            logger.BroadcasterLost(streamId);
            return;
        }

        await store.ChangeAsync(streamId, new StreamChange(new EndSilentCommand(_options)), cancellationToken);
    }

    // Both ask again under the row lock: a sign of life may have come since the stream was found silent.
    private sealed record LoseCommand(StreamStateOptions Options) : StreamCommand
    {
        public override IngestSignal Signal => IngestSignal.Lost;

        public override Transition? Apply(LockedStream locked, PresenceTotals totals) =>
            locked is { Watched: true, LostAt: null } && locked.LastSignalAt < locked.Now - Options.HeartbeatTimeout
                ? StreamLifecycle.ReportError(locked.Stream, PublishError.ConnectionLost, locked.Now)
                : null;
    }

    private sealed record EndSilentCommand(StreamStateOptions Options) : StreamCommand
    {
        public override IngestSignal Signal => IngestSignal.None;

        public override TimeSpan Patience => TimeSpan.FromSeconds(1); // As in any end: its numbers are final.

        public override Transition? Apply(LockedStream locked, PresenceTotals totals) =>
            ReasonOf(locked) is { } reason ? StreamLifecycle.End(locked.Stream, reason, totals, locked.Now) : null;

        private EndReason? ReasonOf(LockedStream locked) =>
            locked.LostAt < locked.Now - Options.ReconnectGrace ? EndReason.ConnectionLost
            : !locked.Watched && locked.LastSignalAt < locked.Now - Options.SessionTimeout ? EndReason.SessionTimeout
            : null;
    }
}
