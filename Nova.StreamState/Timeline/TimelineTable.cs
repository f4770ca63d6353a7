using System.Text;
using Nova.Protocol;
using Npgsql;
using NpgsqlTypes;

namespace Nova.StreamState.Timeline;

/// <summary>A stream's numbers at a moment.</summary>
internal sealed record TimelineSample(Guid StreamId, int ViewerCount, int? BitrateKbps, StreamHealth? Health);

/// <summary>What happened to streams, written in the transaction in which it happened.</summary>
internal static class TimelineTable
{
    public static NpgsqlBatchCommand InsertCreated(Guid streamId, long version, DateTimeOffset createdAt, string broadcasterId) => new(
        "INSERT INTO timeline (stream_id, kind, version, happened_at, data) VALUES ($1, $2, $3, $4, json_build_object('broadcaster_id', $5::text))")
    {
        Parameters =
        {
            new() { Value = streamId },
            new() { Value = TimelineKinds.Created },
            new() { Value = version },
            new() { Value = createdAt },
            new() { Value = broadcasterId },
        },
    };

    public static NpgsqlBatchCommand Insert(Guid streamId, long version, string eventName, DateTimeOffset happenedAt, byte[] envelope) => new(
        "INSERT INTO timeline (stream_id, kind, version, happened_at, data) VALUES ($1, $2, $3, $4, $5::json -> 'data')")
    {
        Parameters =
        {
            new() { Value = streamId },
            new() { Value = eventName },
            new() { Value = version },
            new() { Value = happenedAt },
            new() { Value = Encoding.UTF8.GetString(envelope) },
        },
    };

    /// <summary>The numbers of streams that are on, as they are now.</summary>
    public static NpgsqlBatchCommand InsertSamples(IReadOnlyList<TimelineSample> samples) => new(
        $"""
        INSERT INTO timeline (stream_id, kind, version, happened_at, viewer_count, bitrate_kbps, health)
        SELECT stream_id, '{TimelineKinds.Sample}', 0, date_trunc('milliseconds', clock_timestamp()), live.viewers, live.kbps, live.health
        FROM unnest($1, $2, $3, $4) AS live (stream_id, viewers, kbps, health) JOIN streams s USING (stream_id) WHERE s.status = 'active'
        """)
    {
        Parameters =
        {
            new() { Value = samples.Select(sample => sample.StreamId).ToArray() },
            new() { Value = samples.Select(sample => sample.ViewerCount).ToArray() },
            new() { Value = samples.Select(sample => sample.BitrateKbps).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Integer },
            new()
            {
                Value = samples.Select(sample => sample.Health is { } health ? WireNames<StreamHealth>.Of(health) : null).ToArray(),
                NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text,
            },
        },
    };
}
