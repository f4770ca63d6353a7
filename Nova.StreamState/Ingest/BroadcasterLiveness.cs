using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Options;
using Nova.StreamState.Presence;
using Nova.StreamState.Streams;
using Npgsql;

namespace Nova.StreamState.Ingest;

/// <summary>What of a broadcaster's signs of life must outlive Redis: that it is watched, and that a lost one is back.</summary>
internal sealed class BroadcasterLiveness(
    NpgsqlDataSource dataSource, StreamStore store, WatchedStreams watched, IOptions<StreamStateOptions> options, ILogger<BroadcasterLiveness> logger) : IDisposable
{
    /// <summary>Streams whose sign of life was written here a moment ago: one in five seconds is enough, and Postgres is not made for all of them.</summary>
    private readonly MemoryCache _recorded = new(new MemoryCacheOptions());

    /// <summary>Heartbeats promise more of them, so from the first one silence is watched for.</summary>
    public async Task WatchAsync(Guid streamId, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("UPDATE ingest SET watched = true WHERE stream_id = $1 AND NOT watched");
        command.Parameters.Add(new() { Value = streamId });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>This replica does not reach Redis, and another one may: a sign of life that is not recorded would be held against the broadcaster.</summary>
    public async Task RecordInPostgresAsync(Guid streamId, bool isHeartbeat, CancellationToken cancellationToken)
    {
        if (_recorded.TryGetValue(streamId, out _))
        {
            return;
        }

        _ = _recorded.Set(streamId, true, options.Value.HeartbeatTimeout / 3);
        await using var command = dataSource.CreateCommand(
            "UPDATE ingest SET last_signal_at = now(), watched = watched OR $2 WHERE stream_id = $1 RETURNING lost_at IS NOT NULL");
        command.Parameters.Add(new() { Value = streamId });
        command.Parameters.Add(new() { Value = isHeartbeat });
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
        else
        {
            await watched.MarkFoundAsync(streamId); // It is not lost, whatever Redis says.
        }
    }

    public void Dispose() => _recorded.Dispose();

    private sealed record RestoreCommand : StreamCommand
    {
        public override IngestSignal Signal => IngestSignal.Returned;

        public override Transition? Apply(LockedStream locked, PresenceTotals totals) =>
            locked.LostAt is null ? null : StreamLifecycle.ReportError(locked.Stream, PublishError.ConnectionRestored, locked.Now);
    }
}
