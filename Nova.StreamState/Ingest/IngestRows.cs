using Npgsql;

namespace Nova.StreamState.Ingest;

/// <summary>Table <c>ingest</c>, as the watch reads and writes it: a row for each broadcast that is on.</summary>
internal sealed class IngestRows(NpgsqlDataSource dataSource)
{
    /// <summary>Rows that one walk takes of a kind; the next one takes the rest.</summary>
    private const int Batch = 1000;

    public async Task<IReadOnlyList<Guid>> FindWatchedAsync(CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("SELECT stream_id FROM ingest WHERE watched");
        return await ReadIdsAsync(command, cancellationToken);
    }

    /// <summary>Lost ones, and whether their grace is over.</summary>
    public async Task<IReadOnlyList<(Guid StreamId, bool IsOver)>> FindLostAsync(TimeSpan grace, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("SELECT stream_id, lost_at < now() - $1 FROM ingest WHERE lost_at IS NOT NULL ORDER BY lost_at LIMIT $2");
        command.Parameters.Add(new() { Value = grace });
        command.Parameters.Add(new() { Value = Batch });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        List<(Guid, bool)> lost = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            lost.Add((reader.GetGuid(0), reader.GetBoolean(1)));
        }

        return lost;
    }

    /// <summary>Those without heartbeats of which nothing has been heard here for as long as <paramref name="timeout"/>.</summary>
    public async Task<IReadOnlyList<Guid>> FindUnwatchedAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            "SELECT stream_id FROM ingest WHERE NOT watched AND last_signal_at < now() - $1 ORDER BY last_signal_at LIMIT $2");
        command.Parameters.Add(new() { Value = timeout });
        command.Parameters.Add(new() { Value = Batch });
        return await ReadIdsAsync(command, cancellationToken);
    }

    /// <summary>A sign of life came so long ago.</summary>
    public async Task HearAsync(Guid streamId, TimeSpan silence, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("UPDATE ingest SET last_signal_at = greatest(last_signal_at, now() - $2) WHERE stream_id = $1");
        command.Parameters.Add(new() { Value = streamId });
        command.Parameters.Add(new() { Value = silence });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Begins every grace anew, and every silence that is judged by these rows.</summary>
    /// <returns>How many there were.</returns>
    public async Task<int> ForgiveAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            """
            UPDATE ingest SET last_signal_at = now(), lost_at = CASE WHEN lost_at IS NULL THEN NULL ELSE now() END
            WHERE last_signal_at < now() - $1 AND (lost_at IS NOT NULL OR NOT watched)
            """);
        command.Parameters.Add(new() { Value = timeout });
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task<IReadOnlyList<Guid>> ReadIdsAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        List<Guid> ids = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            ids.Add(reader.GetGuid(0));
        }

        return ids;
    }
}
