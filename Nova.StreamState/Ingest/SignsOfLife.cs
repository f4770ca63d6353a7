using Nova.StreamState.Streams;
using Npgsql;

namespace Nova.StreamState.Ingest;

/// <summary>Writes down that a broadcaster was heard, and tells viewers when a lost one is back.</summary>
internal sealed class SignsOfLife(NpgsqlDataSource dataSource, StreamStore store, ILogger<SignsOfLife> logger)
{
    /// <param name="heartbeat">Heartbeats promise more of them, so from the first one silence is watched for.</param>
    public async Task SeenAsync(Guid streamId, bool heartbeat, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            "UPDATE ingest SET last_signal_at = now(), watched = watched OR $2 WHERE stream_id = $1 RETURNING lost_at IS NOT NULL");
        command.Parameters.Add(new() { Value = streamId });
        command.Parameters.Add(new() { Value = heartbeat });
        if (await command.ExecuteScalarAsync(cancellationToken) is true)
        {
            await RestoreAsync(streamId, cancellationToken);
        }
    }

    /// <summary>Ends the grace of a lost broadcaster. The row lock makes it happen, and be told, once.</summary>
    public async Task RestoreAsync(Guid streamId, CancellationToken cancellationToken)
    {
        var result = await store.ChangeAsync(
            streamId,
            new StreamChange(
                (locked, _) => locked.LostAt is null ? null : StreamLifecycle.ReportError(locked.Stream, PublishError.ConnectionRestored, locked.Now),
                IngestSignal.Returned),
            cancellationToken);
        if (result.Outcome == ChangeOutcome.Changed)
        {
            logger.BroadcasterBack(streamId);
        }
    }
}
