using System.Text;
using Nova.Protocol;
using Npgsql;

namespace Nova.StreamState.Streams;

/// <summary>How a <see cref="StreamRecord"/> and its signs of life are written in SQL.</summary>
internal static class StreamRows
{
    public const string Columns =
        """
        s.stream_id, s.version, s.broadcaster_id, s.broadcaster_name, s.title, s.description, s.visibility, s.status, s.quality, s.fps,
        s.bitrate_kbps, s.max_bitrate_kbps, s.highest_rung_kbps, s.created_at, s.started_at, s.ended_at, s.last_event_at, s.end_reason,
        s.peak_viewers, s.viewer_count
        """;

    public const int ColumnCount = 20;

    public static StreamRecord Read(NpgsqlDataReader reader) => new()
    {
        StreamId = reader.GetGuid(0),
        Version = reader.GetInt64(1),
        BroadcasterId = reader.GetString(2),
        BroadcasterName = reader.GetString(3),
        Title = reader.GetString(4),
        Description = reader.GetString(5),
        Visibility = WireNames<StreamVisibility>.Parse(reader.GetString(6)),
        Status = WireNames<StreamStatus>.Parse(reader.GetString(7)),
        Quality = reader.IsDBNull(8) ? StreamQuality.Auto : WireNames<StreamQuality>.Parse(reader.GetString(8)),
        Fps = reader.IsDBNull(9) ? 0 : reader.GetInt32(9),
        BitrateKbps = reader.IsDBNull(10) ? 0 : reader.GetInt32(10),
        MaxBitrateKbps = reader.IsDBNull(11) ? null : reader.GetInt32(11),
        HighestRungKbps = reader.IsDBNull(12) ? 0 : reader.GetInt32(12),
        CreatedAt = reader.GetFieldValue<DateTimeOffset>(13),
        StartedAt = reader.IsDBNull(14) ? null : reader.GetFieldValue<DateTimeOffset>(14),
        EndedAt = reader.IsDBNull(15) ? null : reader.GetFieldValue<DateTimeOffset>(15),
        LastEventAt = reader.GetFieldValue<DateTimeOffset>(16),
        EndReason = reader.IsDBNull(17) ? null : WireNames<EndReason>.Parse(reader.GetString(17)),
        PeakViewers = reader.GetInt32(18),
        ViewerCount = reader.GetInt32(19),
    };

    /// <summary>Everything that a transition may change.</summary>
    public static NpgsqlBatchCommand Update(StreamRecord stream) => new(
        """
        UPDATE streams SET version = $2, status = $3, quality = $4, fps = $5, bitrate_kbps = $6, max_bitrate_kbps = $7, highest_rung_kbps = $8,
            started_at = $9, ended_at = $10, last_event_at = $11, end_reason = $12, peak_viewers = $13, viewer_count = $14
        WHERE stream_id = $1
        """)
    {
        Parameters =
        {
            new() { Value = stream.StreamId },
            new() { Value = stream.Version },
            new() { Value = WireNames<StreamStatus>.Of(stream.Status) },
            new() { Value = WireNames<StreamQuality>.Of(stream.Quality) },
            new() { Value = stream.Fps },
            new() { Value = stream.BitrateKbps },
            new() { Value = stream.MaxBitrateKbps ?? (object)DBNull.Value },
            new() { Value = stream.HighestRungKbps },
            new() { Value = stream.StartedAt ?? (object)DBNull.Value },
            new() { Value = stream.EndedAt ?? (object)DBNull.Value },
            new() { Value = stream.LastEventAt },
            new() { Value = stream.EndReason is { } reason ? WireNames<EndReason>.Of(reason) : DBNull.Value },
            new() { Value = stream.PeakViewers },
            new() { Value = stream.ViewerCount },
        },
    };

    /// <summary>Keeps the newest event of each name for those who come late.</summary>
    public static NpgsqlBatchCommand Newest(StreamRecord stream, string eventName, byte[] envelope) => new(
        """
        INSERT INTO stream_events (stream_id, event, version, envelope) VALUES ($1, $2, $3, $4)
        ON CONFLICT (stream_id, event) DO UPDATE SET version = excluded.version, envelope = excluded.envelope
        """)
    {
        Parameters =
        {
            new() { Value = stream.StreamId },
            new() { Value = eventName },
            new() { Value = stream.Version },
            new() { Value = Encoding.UTF8.GetString(envelope) },
        },
    };

    public static NpgsqlBatchCommand KeepOut(StreamRecord stream, ViewerRemoved removed) => new(
        """
        INSERT INTO removed_viewers (stream_id, viewer_id, until) VALUES ($1, $2, $3)
        ON CONFLICT (stream_id, viewer_id) DO UPDATE SET until = excluded.until
        """)
    {
        Parameters = { new() { Value = stream.StreamId }, new() { Value = removed.ViewerId }, new() { Value = removed.Until } },
    };

    /// <summary>What a change says about the broadcaster being there. The row exists exactly while the broadcast is on.</summary>
    public static NpgsqlBatchCommand? Ingest(StreamRecord stream, IngestSignal signal)
    {
        var sql = (stream.Status, signal) switch
        {
            (StreamStatus.Ended, _) => "DELETE FROM ingest WHERE stream_id = $1",
            (StreamStatus.Active, IngestSignal.Alive or IngestSignal.Heard) =>
                """
                INSERT INTO ingest (stream_id, last_signal_at) VALUES ($1, now())
                ON CONFLICT (stream_id) DO UPDATE SET last_signal_at = now()
                """,
            (StreamStatus.Active, IngestSignal.Returned) => "UPDATE ingest SET lost_at = NULL WHERE stream_id = $1",
            (StreamStatus.Active, IngestSignal.Lost) => "UPDATE ingest SET lost_at = now() WHERE stream_id = $1",
            _ => null,
        };
        return sql is null ? null : new NpgsqlBatchCommand(sql) { Parameters = { new() { Value = stream.StreamId } } };
    }
}
