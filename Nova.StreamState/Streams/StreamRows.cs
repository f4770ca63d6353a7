using System.Text;
using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.ServiceDefaults.Postgres;
using Npgsql;

namespace Nova.StreamState.Streams;

/// <summary>How a <see cref="StreamRecord"/> and its broadcaster's liveness are written in SQL.</summary>
internal static class StreamRows
{
    public const string Columns =
        """
        s.stream_id, s.version, s.broadcaster_id, s.broadcaster_name, s.title, s.description, s.visibility, s.status, s.quality, s.fps,
        s.bitrate_kbps, s.max_bitrate_kbps, s.highest_rung_kbps, s.created_at, s.started_at, s.ended_at, s.last_event_at, s.end_reason,
        s.peak_viewers, s.viewer_count
        """;

    public static StreamRecord Read(NpgsqlDataReader reader) => new()
    {
        StreamId = reader.Get<Guid>("stream_id"),
        Version = reader.Get<long>("version"),
        BroadcasterId = reader.Get<string>("broadcaster_id"),
        BroadcasterName = reader.Get<string>("broadcaster_name"),
        Title = reader.Get<string>("title"),
        Description = reader.Get<string>("description"),
        Visibility = WireNames<StreamVisibility>.Parse(reader.Get<string>("visibility")),
        Status = WireNames<StreamStatus>.Parse(reader.Get<string>("status")),
        Quality = reader.FindText("quality") is { } quality ? WireNames<StreamQuality>.Parse(quality) : StreamQuality.Auto,
        Fps = reader.Find<int>("fps") ?? 0,
        BitrateKbps = reader.Find<int>("bitrate_kbps") ?? 0,
        MaxBitrateKbps = reader.Find<int>("max_bitrate_kbps"),
        HighestRungKbps = reader.Find<int>("highest_rung_kbps") ?? 0,
        CreatedAt = reader.Get<DateTimeOffset>("created_at"),
        StartedAt = reader.Find<DateTimeOffset>("started_at"),
        EndedAt = reader.Find<DateTimeOffset>("ended_at"),
        LastEventAt = reader.Get<DateTimeOffset>("last_event_at"),
        EndReason = reader.FindText("end_reason") is { } reason ? WireNames<EndReason>.Parse(reason) : null,
        PeakViewers = reader.Get<int>("peak_viewers"),
        ViewerCount = reader.Get<int>("viewer_count"),
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

    public static NpgsqlBatchCommand UpdateText(StreamRecord stream) => new(
        "UPDATE streams SET title = $2, description = $3, broadcaster_name = $4, visibility = $5 WHERE stream_id = $1")
    {
        Parameters =
        {
            new() { Value = stream.StreamId },
            new() { Value = stream.Title },
            new() { Value = stream.Description },
            new() { Value = stream.BroadcasterName },
            new() { Value = WireNames<StreamVisibility>.Of(stream.Visibility) },
        },
    };

    /// <summary>Everything of a stream that has not started, but for its id.</summary>
    public static List<NpgsqlBatchCommand> Delete(Guid streamId) =>
    [
        .. new[]
        {
            "DELETE FROM stream_events WHERE stream_id = $1", "DELETE FROM removed_viewers WHERE stream_id = $1", "DELETE FROM streams WHERE stream_id = $1",
            "INSERT INTO deleted_streams (stream_id) VALUES ($1)",
        }.Select(sql => new NpgsqlBatchCommand(sql) { Parameters = { new() { Value = streamId } } }),
    ];

    public static NpgsqlBatchCommand ForgetBeforeStart(Guid streamId) => new("DELETE FROM stream_events WHERE stream_id = $1 AND event <> $2")
    {
        Parameters = { new() { Value = streamId }, new() { Value = EventNames.StreamStarted } },
    };

    /// <summary>Keeps the newest event of each name for those who come late.</summary>
    public static NpgsqlBatchCommand UpsertLatestEvent(StreamRecord stream, string eventName, byte[] envelope) => new(
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

    public static NpgsqlBatchCommand UpsertKick(StreamRecord stream, ViewerKick kick) => new(
        """
        INSERT INTO removed_viewers (stream_id, viewer_id, until) VALUES ($1, $2, $3)
        ON CONFLICT (stream_id, viewer_id) DO UPDATE SET until = excluded.until
        """)
    {
        Parameters = { new() { Value = stream.StreamId }, new() { Value = kick.ViewerId }, new() { Value = kick.Until } },
    };

    /// <summary>What a change says about the broadcaster being there. The row exists exactly while the broadcast is on.</summary>
    public static NpgsqlBatchCommand? IngestCommand(StreamRecord stream, IngestSignal signal)
    {
        var sql = (stream.Status, signal) switch
        {
            (StreamStatus.Ended, _) => "DELETE FROM ingest WHERE stream_id = $1",
            (StreamStatus.Active, IngestSignal.Alive) =>
                """
                INSERT INTO ingest (stream_id, last_signal_at) VALUES ($1, now())
                ON CONFLICT (stream_id) DO UPDATE SET last_signal_at = now(), lost_at = NULL
                """,
            (StreamStatus.Active, IngestSignal.Heard) => "UPDATE ingest SET last_signal_at = now() WHERE stream_id = $1",

            (StreamStatus.Active, IngestSignal.Returned) => "UPDATE ingest SET lost_at = NULL WHERE stream_id = $1",
            (StreamStatus.Active, IngestSignal.Lost) => "UPDATE ingest SET lost_at = coalesce(lost_at, now()) WHERE stream_id = $1",
            _ => null,
        };
        return sql is null ? null : new NpgsqlBatchCommand(sql) { Parameters = { new() { Value = stream.StreamId } } };
    }
}
