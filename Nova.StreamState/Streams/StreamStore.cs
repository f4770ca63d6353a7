using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.ServiceDefaults.Postgres;
using Nova.StreamState.Outbox;
using Nova.StreamState.Presence;
using Nova.StreamState.Timeline;
using Npgsql;

namespace Nova.StreamState.Streams;

/// <summary>Changes streams in Postgres. A change, its event and the answer to its request are one transaction.</summary>
internal sealed class StreamStore(
    NpgsqlDataSource dataSource, EventPublisher publisher, OutboxSignals signals, PresenceReader presence, ActiveStreams active, StreamResults results,
    StreamStateMetrics metrics, ILogger<StreamStore> logger)
{
    /// <summary>
    /// The server ends a transaction whose client froze or vanished, and with it the row lock (S63). Sessions have the same as their default, but not
    /// behind a transaction pooler.
    /// </summary>
    private const string TransactionLimits = "SELECT set_config('idle_in_transaction_session_timeout', '3s', true), set_config('lock_timeout', '3s', true)";

    /// <summary>Inserts a scheduled stream. Not created where its id is taken.</summary>
    public async Task<ChangeResult> CreateAsync(NewStream stream, IdempotencyKey? key, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (await InsertAsync(connection, stream, cancellationToken) is not { } created)
        {
            return new(ChangeOutcome.IdTaken, null);
        }

        await using var entry = new NpgsqlBatch(connection) { BatchCommands = { TimelineTable.InsertCreated(created.StreamId, created.Version, created.CreatedAt, created.BroadcasterId) } };
        await entry.ExecuteNonQueryAsync(cancellationToken);
        var answer = results.Of(StatusCodes.Status201Created, created, totals: null);
        if (key is not null && !await IdempotencyRecord.TrySaveAsync(connection, key, answer, cancellationToken))
        {
            return new(ChangeOutcome.Replayed, null);
        }

        await transaction.CommitAsync(cancellationToken);
        logger.StreamCreated(created.StreamId);
        return new(ChangeOutcome.Changed, created, answer);
    }

    /// <summary>
    /// Applies one change under the stream's row lock, which is also what puts the stream's events in order. Redis is asked before, and never while
    /// a connection or a lock is held.
    /// </summary>
    public async Task<ChangeResult> ChangeAsync(Guid streamId, StreamChange change, CancellationToken cancellationToken)
    {
        using var announcement = publisher.Announce(streamId); // Before the event gets its time, which it does with the lock.
        var reading = presence.ReadAsync(streamId, change.Command.Patience, cancellationToken);
        await announcement.WaitAsync(PresenceReader.Patience, cancellationToken);
        var result = await ApplyAsync(streamId, change, await reading, cancellationToken);
        if (result.Outcome == ChangeOutcome.Changed)
        {
            announcement.Complete();
            active.Forget(streamId);
            if (change.Command.Signal == IngestSignal.Lost)
            {
                await publisher.MarkLostAsync(streamId, PresenceReader.Patience);
            }

            signals.Wake(OutboxTable.PartitionOf(streamId));
        }

        return result;
    }

    private async Task<ChangeResult> ApplyAsync(Guid streamId, StreamChange change, PresenceTotals? totals, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (await LockAsync(connection, streamId, cancellationToken) is not { } locked)
        {
            return new(ChangeOutcome.NotFound, null);
        }

        if (change.Caller?.MayPublish(locked.Stream.BroadcasterId) == false)
        {
            return new(ChangeOutcome.Forbidden, null);
        }

        if (!change.IfMatch.Allows(locked.Stream.Version))
        {
            return new(ChangeOutcome.VersionMismatch, locked.Stream);
        }

        // What proves that a lost broadcaster is back says so in the same transaction: viewers hear of both or of neither.
        var restored = change.Command.Signal == IngestSignal.Alive && locked.LostAt is not null
            ? StreamLifecycle.ReportError(locked.Stream, PublishError.ConnectionRestored, locked.Now)
            : null;
        var known = totals ?? new(locked.Stream.ViewerCount, locked.Stream.PeakViewers);
        if (change.Command.Apply(restored is null ? locked : locked with { Stream = restored.Stream, LostAt = null }, known) is not { } transition)
        {
            return new(ChangeOutcome.NotAllowed, locked.Stream);
        }

        if (transition.IsChange)
        {
            await WriteAsync(connection, restored is null ? [transition] : [restored, transition], change.Command.Signal, cancellationToken);
        }

        var answer = results.Of(change.Command, transition.Stream, totals);
        if (change.Key is not null && !await IdempotencyRecord.TrySaveAsync(connection, change.Key, answer, cancellationToken))
        {
            return new(ChangeOutcome.Replayed, null);
        }

        await transaction.CommitAsync(cancellationToken);
        if (!transition.IsChange)
        {
            return new(ChangeOutcome.Unchanged, transition.Stream, answer);
        }

        metrics.Transition(transition.EventName);
        logger.StreamChanged(streamId, transition.Stream.Version, transition.EventName);
        return new(ChangeOutcome.Changed, transition.Stream, answer);
    }

    private static async Task<StreamRecord?> InsertAsync(NpgsqlConnection connection, NewStream stream, CancellationToken cancellationToken)
    {
        await using var insert = new NpgsqlCommand(
            $"""
            INSERT INTO streams AS s (stream_id, version, broadcaster_id, broadcaster_name, title, description, visibility, status, created_at, last_event_at)
            SELECT $1, 1, $2, $3, $4, $5, $6, 'scheduled', date_trunc('milliseconds', now()), date_trunc('milliseconds', now())
            WHERE NOT EXISTS (SELECT 1 FROM deleted_streams WHERE stream_id = $1)
            ON CONFLICT (stream_id) DO NOTHING RETURNING {StreamRows.Columns}
            """,
            connection)
        {
            Parameters =
            {
                new() { Value = stream.StreamId },
                new() { Value = stream.BroadcasterId },
                new() { Value = stream.BroadcasterName },
                new() { Value = stream.Title },
                new() { Value = stream.Description },
                new() { Value = WireNames<StreamVisibility>.Of(stream.Visibility) },
            },
        };
        await using var reader = await insert.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? StreamRows.Read(reader) : null;
    }

    private static async Task<LockedStream?> LockAsync(NpgsqlConnection connection, Guid streamId, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new(TransactionLimits),

                // A statement of its own: one that waits for a lock reads the locked row anew, but its joined tables as they were before.
                new("SELECT 1 FROM streams WHERE stream_id = $1 FOR UPDATE") { Parameters = { new() { Value = streamId } } },
                new(
                    $"""
                    SELECT {StreamRows.Columns}, clock_timestamp() AS now, i.last_signal_at, i.watched, i.lost_at
                    FROM streams s LEFT JOIN ingest i USING (stream_id) WHERE s.stream_id = $1
                    """)
                {
                    Parameters = { new() { Value = streamId } },
                },
            },
        };
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.NextResultAsync(cancellationToken);
        await reader.NextResultAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? new LockedStream(
                StreamRows.Read(reader), reader.Get<DateTimeOffset>("now"), reader.Find<DateTimeOffset>("last_signal_at"), reader.Find<bool>("watched") ?? false,
                reader.Find<DateTimeOffset>("lost_at"))
            : null;
    }

    private static async Task WriteAsync(
        NpgsqlConnection connection, IReadOnlyList<Transition> transitions, IngestSignal signal, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        var after = transitions[^1].Stream;
        if (transitions[^1].EventName == EventNames.StreamDeleted)
        {
            StreamRows.Delete(after.StreamId).ForEach(batch.BatchCommands.Add);
        }
        else
        {
            batch.BatchCommands.Add(StreamRows.Update(after));
        }

        foreach (var transition in transitions)
        {
            WhatIsKept(transition).ForEach(batch.BatchCommands.Add);
            var stream = transition.Stream;
            batch.BatchCommands.Add(OutboxTable.Insert(stream.StreamId, stream.Version, transition.EventName, stream.LastEventAt, transition.Envelope));
        }

        batch.BatchCommands.Add(OutboxTable.Notify(after.StreamId));
        if (StreamRows.IngestCommand(after, signal) is { } ingest)
        {
            batch.BatchCommands.Add(ingest);
        }

        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>What a transition leaves for late joiners and for the timeline.</summary>
    private static List<NpgsqlBatchCommand> WhatIsKept(Transition transition)
    {
        var (stream, eventName, envelope, kick, retained) = transition;
        if (kick is not null)
        {
            return [StreamRows.UpsertKick(stream, kick)];
        }

        if (eventName == EventNames.StreamDeleted)
        {
            return [];
        }

        List<NpgsqlBatchCommand> commands =
        [
            TimelineTable.Insert(stream.StreamId, stream.Version, eventName, stream.LastEventAt, envelope),
            StreamRows.UpsertLatestEvent(stream, eventName, retained ?? envelope),
        ];
        if (eventName == EventNames.StreamUpdated)
        {
            commands.Add(StreamRows.UpdateText(stream));
        }
        else if (eventName == EventNames.StreamStarted)
        {
            commands.Add(StreamRows.ForgetBeforeStart(stream.StreamId)); // The start says it all, and that no error is in its way.
        }

        return commands;
    }
}
