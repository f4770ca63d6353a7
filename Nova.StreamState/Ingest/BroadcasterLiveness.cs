using Nova.StreamState.Presence;
using Nova.StreamState.Streams;
using Npgsql;

namespace Nova.StreamState.Ingest;

/// <summary>Records that a broadcaster gave a sign of life, and broadcasts that a lost one is back.</summary>
internal sealed class BroadcasterLiveness(NpgsqlDataSource dataSource, StreamStore store, ILogger<BroadcasterLiveness> logger)
{
    /// <summary>Heartbeats promise more of them, so from the first one silence is watched for.</summary>
    public async Task RecordHeartbeatAsync(Guid streamId, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            "UPDATE ingest SET last_signal_at = now(), watched = true WHERE stream_id = $1 RETURNING lost_at IS NOT NULL");
        command.Parameters.Add(new() { Value = streamId });
        if (await command.ExecuteScalarAsync(cancellationToken) is true)
        {
            await RestoreAsync(streamId, cancellationToken);
        }
    }

    /// <summary>Ends the grace of a lost broadcaster. The row lock makes it happen, and be broadcast, once.</summary>
    public async Task RestoreAsync(Guid streamId, CancellationToken cancellationToken)
    {
        var result = await store.ChangeAsync(streamId, new StreamChange(new RestoreCommand()), cancellationToken);
        if (result.Outcome == ChangeOutcome.Changed)
        {
            logger.BroadcasterBack(streamId);
        }
    }

    private sealed record RestoreCommand : StreamCommand
    {
        public override IngestSignal Signal => IngestSignal.Returned;

        public override Transition? Apply(LockedStream locked, PresenceTotals totals) =>
            locked.LostAt is null ? null : StreamLifecycle.ReportError(locked.Stream, PublishError.ConnectionRestored, locked.Now);
    }
}
