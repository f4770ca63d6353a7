using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Postgres;
using Nova.ServiceDefaults.Security;
using Npgsql;

namespace Nova.StreamState.Streams;

/// <summary>Everything about a stream that a gateway asks for, as it was at one moment.</summary>
internal sealed record StoredSnapshot(
    StreamRecord Stream, DateTimeOffset Now, IReadOnlyList<(string Event, long Version, string Envelope)> Events, IReadOnlyList<ViewerKick> Kicks);

/// <summary>Reads streams from Postgres.</summary>
internal sealed class StreamQueries(NpgsqlDataSource dataSource)
{
    public async Task<StreamRecord?> FindAsync(Guid streamId, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand($"SELECT {StreamRows.Columns} FROM streams s WHERE s.stream_id = $1");
        command.Parameters.Add(new() { Value = streamId });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? StreamRows.Read(reader) : null;
    }

    /// <summary>The stream with its newest events, of one moment: an event that is newer than the stream would not chain with it.</summary>
    public async Task<StoredSnapshot?> ReadSnapshotAsync(Guid streamId, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, cancellationToken);
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new($"SELECT {StreamRows.Columns}, clock_timestamp() AS now FROM streams s WHERE s.stream_id = $1") { Parameters = { new() { Value = streamId } } },
                new("SELECT event, version, envelope FROM stream_events WHERE stream_id = $1 ORDER BY version") { Parameters = { new() { Value = streamId } } },
                new("SELECT viewer_id, until FROM removed_viewers WHERE stream_id = $1 AND until > now()") { Parameters = { new() { Value = streamId } } },
            },
        };
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
        {
            return null;
        }

        var (stream, now) = (StreamRows.Read(reader), reader.Get<DateTimeOffset>("now"));
        List<(string, long, string)> events = [];
        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            events.Add((reader.Get<string>("event"), reader.Get<long>("version"), reader.Get<string>("envelope")));
        }

        List<ViewerKick> kicks = [];
        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            kicks.Add(new(reader.Get<Guid>("viewer_id"), reader.Get<DateTimeOffset>("until")));
        }

        return new StoredSnapshot(stream, now, events, kicks);
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
}
