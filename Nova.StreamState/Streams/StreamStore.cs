using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.StreamState.Outbox;
using Npgsql;

namespace Nova.StreamState.Streams;

/// <summary>The streams in Postgres. A change, its event and the answer to its request are one transaction.</summary>
internal sealed class StreamStore(
    NpgsqlDataSource dataSource, EventPublisher publisher, LiveNumbersReader liveNumbers, StreamStateMetrics metrics, ILogger<StreamStore> logger)
{
    /// <summary>Inserts a scheduled stream. Not created where its id is taken.</summary>
    public async Task<ChangeResult> CreateAsync(NewStream stream, IdempotentAnswer? answer, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var insert = new NpgsqlCommand(
            $"""
            INSERT INTO streams AS s (stream_id, version, broadcaster_id, broadcaster_name, title, description, visibility, status, created_at, last_event_at)
            VALUES ($1, 1, $2, $3, $4, $5, $6, 'scheduled', date_trunc('milliseconds', now()), date_trunc('milliseconds', now()))
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

        StreamRecord created;
        await using (var reader = await insert.ExecuteReaderAsync(cancellationToken))
        {
            if (!await reader.ReadAsync(cancellationToken))
            {
                return new(ChangeOutcome.IdTaken, null);
            }

            created = StreamRows.Read(reader);
        }

        if (answer is not null && !await answer.TrySaveAsync(connection, created, live: null, cancellationToken))
        {
            return new(ChangeOutcome.AnsweredBefore, null);
        }

        await transaction.CommitAsync(cancellationToken);
        logger.StreamCreated(created.StreamId);
        return new(ChangeOutcome.Changed, created);
    }

    public async Task<LockedStream?> FindAsync(Guid streamId, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        return await SelectAsync(connection, streamId, forUpdate: false, cancellationToken);
    }

    /// <summary>The newest event of each name, in version order.</summary>
    public async Task<IReadOnlyList<(string Event, long Version, string Envelope)>> EventsAsync(Guid streamId, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            "SELECT event, version, envelope FROM stream_events WHERE stream_id = $1 ORDER BY version");
        command.Parameters.Add(new() { Value = streamId });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        List<(string, long, string)> events = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            events.Add((reader.GetString(0), reader.GetInt64(1), reader.GetString(2)));
        }

        return events;
    }

    /// <summary>A page, newest first; one row more than asked for says that there is a next page.</summary>
    public async Task<List<StreamRecord>> ListAsync(StreamFilter filter, int rows, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            $"""
            SELECT {StreamRows.Columns} FROM streams s
            WHERE ($1::text IS NULL OR s.status = $1)
              AND ($2::text IS NULL OR s.broadcaster_id = $2)
              AND ($3 OR s.broadcaster_id = $4 OR ($5::uuid[] IS NULL AND s.visibility = 'public') OR s.stream_id = ANY($5))
              AND ($6::timestamptz IS NULL OR (s.created_at, s.stream_id) < ($6, $7))
            ORDER BY s.created_at DESC, s.stream_id DESC LIMIT $8
            """);
        command.Parameters.AddRange(new NpgsqlParameter[]
        {
            new() { Value = filter.Status is { } status ? WireNames<StreamStatus>.Of(status) : DBNull.Value },
            new() { Value = filter.BroadcasterId ?? (object)DBNull.Value },
            new() { Value = filter.Caller.AllStreams || filter.Caller.Role == CallerRole.Operator },
            new() { Value = filter.Caller.Role == CallerRole.Broadcaster ? filter.Caller.Subject : DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text },
            new() { Value = filter.Caller.Streams?.ToArray() ?? (object)DBNull.Value },
            new() { Value = filter.After?.Time ?? (object)DBNull.Value },
            new() { Value = filter.After?.Id ?? Guid.Empty },
            new() { Value = rows },
        });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        List<StreamRecord> streams = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            streams.Add(StreamRows.Read(reader));
        }

        return streams;
    }

    /// <summary>Applies one change under the stream's row lock, which is also what puts the stream's events in order.</summary>
    public async Task<ChangeResult> ChangeAsync(Guid streamId, StreamChange change, CancellationToken cancellationToken)
    {
        var announced = publisher.AnnounceAsync(streamId, cancellationToken); // Before the event gets its time, which it does with the lock.
        var live = await liveNumbers.ReadAsync(streamId);
        await announced;
        var result = default(ChangeResult);
        try
        {
            return result = await TryChangeAsync(streamId, change, live, cancellationToken);
        }
        finally
        {
            if (result?.Outcome != ChangeOutcome.Changed)
            {
                publisher.Withdraw(streamId);
            }
        }
    }

    private async Task<ChangeResult> TryChangeAsync(Guid streamId, StreamChange change, LiveNumbers? live, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (await SelectAsync(connection, streamId, forUpdate: true, cancellationToken) is not { } locked)
        {
            return new(ChangeOutcome.NotFound, null);
        }

        if (change.MayChange?.Invoke(locked.Stream) == false)
        {
            return new(ChangeOutcome.Forbidden, null);
        }

        if (change.ExpectedVersion is { } expected && expected != locked.Stream.Version)
        {
            return new(ChangeOutcome.VersionMismatch, locked.Stream);
        }

        if (change.Apply(locked, live ?? new(locked.Stream.ViewerCount, locked.Stream.PeakViewers)) is not { } transition)
        {
            return new(ChangeOutcome.NotAllowed, locked.Stream);
        }

        await WriteAsync(connection, transition, change.Signal, cancellationToken);
        if (change.Answer is not null && !await change.Answer.TrySaveAsync(connection, transition.Stream, live, cancellationToken))
        {
            return new(ChangeOutcome.AnsweredBefore, null);
        }

        await transaction.CommitAsync(cancellationToken);
        metrics.Transition(transition.EventName);
        logger.StreamChanged(streamId, transition.Stream.Version, transition.EventName);
        return new(ChangeOutcome.Changed, transition.Stream, live, BroadcasterReturned: change.Signal == IngestSignal.Alive && locked.LostAt is not null);
    }

    /// <summary>Viewers who are to be kept out now.</summary>
    public async Task<IReadOnlyList<ViewerRemoved>> RemovedViewersAsync(Guid streamId, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("SELECT viewer_id, until FROM removed_viewers WHERE stream_id = $1 AND until > now()");
        command.Parameters.Add(new() { Value = streamId });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        List<ViewerRemoved> removed = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            removed.Add(new(reader.GetGuid(0), reader.GetFieldValue<DateTimeOffset>(1)));
        }

        return removed;
    }

    private static async Task<LockedStream?> SelectAsync(
        NpgsqlConnection connection, Guid streamId, bool forUpdate, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        if (forUpdate)
        {
            // A statement of its own: one that waits for a lock reads the locked row anew, but its joined tables as they were before.
            batch.BatchCommands.Add(new("SELECT 1 FROM streams WHERE stream_id = $1 FOR UPDATE") { Parameters = { new() { Value = streamId } } });
        }

        batch.BatchCommands.Add(new(
            $"""
            SELECT {StreamRows.Columns}, clock_timestamp(), i.last_signal_at, i.watched, i.lost_at
            FROM streams s LEFT JOIN ingest i USING (stream_id) WHERE s.stream_id = $1
            """)
        {
            Parameters = { new() { Value = streamId } },
        });
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        if (forUpdate)
        {
            await reader.NextResultAsync(cancellationToken);
        }

        return await reader.ReadAsync(cancellationToken)
            ? new LockedStream(
                StreamRows.Read(reader),
                reader.GetFieldValue<DateTimeOffset>(StreamRows.ColumnCount),
                Nullable<DateTimeOffset>(reader, StreamRows.ColumnCount + 1),
                !await reader.IsDBNullAsync(StreamRows.ColumnCount + 2, cancellationToken) && reader.GetBoolean(StreamRows.ColumnCount + 2),
                Nullable<DateTimeOffset>(reader, StreamRows.ColumnCount + 3))
            : null;
    }

    private static async Task WriteAsync(
        NpgsqlConnection connection, Transition transition, IngestSignal signal, CancellationToken cancellationToken)
    {
        var (stream, eventName, envelope, removed) = transition;
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(StreamRows.Update(stream));
        batch.BatchCommands.Add(removed is null ? StreamRows.Newest(stream, eventName, envelope) : StreamRows.KeepOut(stream, removed));
        foreach (var insert in OutboxTable.Insert(stream.StreamId, stream.Version, eventName, stream.LastEventAt, envelope))
        {
            batch.BatchCommands.Add(insert);
        }

        if (StreamRows.Ingest(stream, signal) is { } ingest)
        {
            batch.BatchCommands.Add(ingest);
        }

        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    private static T? Nullable<T>(NpgsqlDataReader reader, int ordinal)
        where T : struct => reader.IsDBNull(ordinal) ? null : reader.GetFieldValue<T>(ordinal);
}
