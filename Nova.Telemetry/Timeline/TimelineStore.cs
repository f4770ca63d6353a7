using System.Text.Json;
using Nova.Protocol;
using Nova.ServiceDefaults.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Nova.Telemetry.Timeline;

/// <summary>A stream as far as Telemetry knows it.</summary>
internal sealed record KnownStream(Guid StreamId, string BroadcasterId, DateTimeOffset CreatedAt, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt);

/// <summary>The streams' timelines in Postgres.</summary>
internal sealed class TimelineStore(NpgsqlDataSource dataSource)
{
    private const string Source = "stream-state";

    public async Task<KnownStream?> FindStreamAsync(Guid streamId, CancellationToken cancellationToken)
    {
        await using var select = dataSource.CreateCommand("SELECT stream_id, broadcaster_id, created_at, started_at, ended_at FROM streams WHERE stream_id = $1");
        select.Parameters.Add(new() { Value = streamId });
        await using var reader = await select.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? new(
                reader.Get<Guid>("stream_id"), reader.Get<string>("broadcaster_id"), reader.Get<DateTimeOffset>("created_at"),
                reader.Find<DateTimeOffset>("started_at"), reader.Find<DateTimeOffset>("ended_at"))
            : null;
    }

    /// <summary>What happened in a time, oldest first; before it the last sample and the last event with a quality, which hold at its beginning.</summary>
    public async Task<List<TimelineEntry>> ReadAsync(Guid streamId, DateTimeOffset since, DateTimeOffset until, CancellationToken cancellationToken)
    {
        await using var select = dataSource.CreateCommand(
            """
            (SELECT happened_at, kind, version, data, viewer_count, bitrate_kbps, health FROM timeline
             WHERE stream_id = $1 AND happened_at < $2 AND kind = 'sample' ORDER BY happened_at DESC LIMIT 1)
            UNION ALL
            (SELECT happened_at, kind, version, data, viewer_count, bitrate_kbps, health FROM timeline
             WHERE stream_id = $1 AND happened_at < $2 AND kind IN ('stream_started', 'quality_changed') ORDER BY happened_at DESC LIMIT 1)
            UNION ALL
            (SELECT happened_at, kind, version, data, viewer_count, bitrate_kbps, health FROM timeline
             WHERE stream_id = $1 AND happened_at >= $2 AND happened_at < $3 ORDER BY happened_at, version)
            """);
        select.Parameters.Add(new() { Value = streamId });
        select.Parameters.Add(new() { Value = since });
        select.Parameters.Add(new() { Value = until });
        await using var reader = await select.ExecuteReaderAsync(cancellationToken);
        List<TimelineEntry> entries = [];
        while (await reader.ReadAsync(cancellationToken)) // Six hours have 4,320 samples: read by position.
        {
            entries.Add(new(
                streamId,
                reader.GetString(1),
                reader.GetInt64(2),
                reader.GetFieldValue<DateTimeOffset>(0),
                reader.IsDBNull(3) ? null : JsonElement.Parse(reader.GetString(3)),
                reader.IsDBNull(4) ? null : reader.GetInt32(4),
                reader.IsDBNull(5) ? null : reader.GetInt32(5),
                reader.IsDBNull(6) ? null : WireNames<StreamHealth>.Parse(reader.GetString(6))));
        }

        return entries;
    }

    /// <summary>How many watched in a time. A day has up to 17,000 samples, and nothing else of them is read here.</summary>
    public async Task<Audience> ReadAudienceAsync(Guid streamId, DateTimeOffset since, DateTimeOffset until, CancellationToken cancellationToken)
    {
        await using var select = dataSource.CreateCommand(
            $"""
            (SELECT happened_at, viewer_count FROM timeline
             WHERE stream_id = $1 AND happened_at < $2 AND kind = '{TimelineKinds.Sample}' ORDER BY happened_at DESC LIMIT 1)
            UNION ALL
            (SELECT happened_at, CASE kind WHEN '{EventNames.StreamEnded}' THEN 0 ELSE viewer_count END FROM timeline
             WHERE stream_id = $1 AND happened_at >= $2 AND happened_at < $3 AND (viewer_count IS NOT NULL OR kind = '{EventNames.StreamEnded}')
             ORDER BY happened_at, version)
            """);
        select.Parameters.Add(new() { Value = streamId });
        select.Parameters.Add(new() { Value = since });
        select.Parameters.Add(new() { Value = until });
        await using var reader = await select.ExecuteReaderAsync(cancellationToken);
        List<(DateTimeOffset, int)> counts = [];
        while (await reader.ReadAsync(cancellationToken))
        {
            counts.Add((reader.GetFieldValue<DateTimeOffset>(0), reader.GetInt32(1)));
        }

        return new(counts);
    }

    /// <returns>Empty at the very first start.</returns>
    public async Task<string> ReadPositionAsync(CancellationToken cancellationToken)
    {
        await using var select = dataSource.CreateCommand("SELECT position FROM timeline_position WHERE source = $1");
        select.Parameters.Add(new() { Value = Source });
        return (string?)await select.ExecuteScalarAsync(cancellationToken) ?? "";
    }

    /// <summary>Stores entries and the position after them in one transaction, so that nothing is missed and repeats change nothing.</summary>
    public async Task AddAsync(TimelinePage page, CancellationToken cancellationToken)
    {
        await using var batch = dataSource.CreateBatch();
        batch.BatchCommands.Add(AddStreams(page.Entries.Where(entry => entry.Kind == TimelineKinds.Created).ToList()));
        batch.BatchCommands.Add(SetTimes("started_at", page.Entries, EventNames.StreamStarted));
        batch.BatchCommands.Add(SetTimes("ended_at", page.Entries, EventNames.StreamEnded));
        batch.BatchCommands.Add(AddEntries(page.Entries.Where(entry => entry.Kind != TimelineKinds.Created).ToList()));
        batch.BatchCommands.Add(new("INSERT INTO timeline_position (source, position) VALUES ($1, $2) ON CONFLICT (source) DO UPDATE SET position = excluded.position")
        {
            Parameters = { new() { Value = Source }, new() { Value = page.Position } },
        });
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    private static NpgsqlBatchCommand AddStreams(IReadOnlyList<TimelineEntry> created) => new(
        "INSERT INTO streams (stream_id, broadcaster_id, created_at) SELECT * FROM unnest($1, $2, $3) ON CONFLICT DO NOTHING")
    {
        Parameters =
        {
            Array(NpgsqlDbType.Uuid, created, entry => entry.StreamId),
            Array(NpgsqlDbType.Text, created, entry => entry.Data?.GetProperty("broadcaster_id").GetString()),
            Array(NpgsqlDbType.TimestampTz, created, entry => entry.HappenedAt),
        },
    };

    private static NpgsqlBatchCommand SetTimes(string column, IEnumerable<TimelineEntry> entries, string eventName)
    {
        var events = entries.Where(entry => entry.Kind == eventName).ToList();
        return new($"UPDATE streams s SET {column} = e.at FROM unnest($1, $2) AS e (stream_id, at) WHERE s.stream_id = e.stream_id")
        {
            Parameters = { Array(NpgsqlDbType.Uuid, events, entry => entry.StreamId), Array(NpgsqlDbType.TimestampTz, events, entry => entry.HappenedAt) },
        };
    }

    private static NpgsqlBatchCommand AddEntries(IReadOnlyList<TimelineEntry> entries) => new(
        """
        INSERT INTO timeline (stream_id, happened_at, kind, version, data, viewer_count, bitrate_kbps, health)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING
        """)
    {
        Parameters =
        {
            Array(NpgsqlDbType.Uuid, entries, entry => entry.StreamId),
            Array(NpgsqlDbType.TimestampTz, entries, entry => entry.HappenedAt),
            Array(NpgsqlDbType.Text, entries, entry => entry.Kind),
            Array(NpgsqlDbType.Bigint, entries, entry => entry.Version),
            Array(NpgsqlDbType.Json, entries, entry => entry.Data?.GetRawText()),
            Array(NpgsqlDbType.Integer, entries, entry => entry.ViewerCount),
            Array(NpgsqlDbType.Integer, entries, entry => entry.BitrateKbps),
            Array(NpgsqlDbType.Text, entries, entry => entry.Health is { } health ? WireNames<StreamHealth>.Of(health) : null),
        },
    };

    private static NpgsqlParameter Array<T>(NpgsqlDbType type, IReadOnlyList<TimelineEntry> entries, Func<TimelineEntry, T> select) =>
        new() { Value = entries.Select(select).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | type };
}
