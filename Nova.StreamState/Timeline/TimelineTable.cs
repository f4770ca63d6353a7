using System.Text;
using Nova.Protocol;
using Nova.StreamState.Presence;
using Nova.StreamState.Streams;
using Npgsql;
using NpgsqlTypes;

namespace Nova.StreamState.Timeline;

/// <summary>What happened to streams, written in the transaction in which it happened.</summary>
internal static class TimelineTable
{
    public static NpgsqlBatchCommand InsertCreated(StreamRecord stream) => new(
        "INSERT INTO timeline (stream_id, kind, version, happened_at, data) VALUES ($1, $2, $3, $4, json_build_object('broadcaster_id', $5::text))")
    {
        Parameters =
        {
            new() { Value = stream.StreamId },
            new() { Value = TimelineKinds.Created },
            new() { Value = stream.Version },
            new() { Value = stream.CreatedAt },
            new() { Value = stream.BroadcasterId },
        },
    };

    public static NpgsqlBatchCommand Insert(StreamRecord stream, string eventName, byte[] envelope) => new(
        "INSERT INTO timeline (stream_id, kind, version, happened_at, data) VALUES ($1, $2, $3, $4, $5::json -> 'data')")
    {
        Parameters =
        {
            new() { Value = stream.StreamId },
            new() { Value = eventName },
            new() { Value = stream.Version },
            new() { Value = stream.LastEventAt },
            new() { Value = Encoding.UTF8.GetString(envelope) },
        },
    };

    /// <summary>The numbers of streams that are on, as they are now.</summary>
    public static NpgsqlBatchCommand InsertSamples(IReadOnlyDictionary<Guid, PresenceTotals> totals) => new(
        $"""
        INSERT INTO timeline (stream_id, kind, version, happened_at, viewer_count, bitrate_kbps, health)
        SELECT stream_id, '{TimelineKinds.Sample}', 0, date_trunc('milliseconds', clock_timestamp()), live.viewers, live.kbps, live.health
        FROM unnest($1, $2, $3, $4) AS live (stream_id, viewers, kbps, health) JOIN streams s USING (stream_id) WHERE s.status = 'active'
        """)
    {
        Parameters =
        {
            new() { Value = totals.Keys.ToArray() },
            new() { Value = totals.Values.Select(live => live.ViewerCount).ToArray() },
            new() { Value = totals.Values.Select(live => live.BitrateKbps).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Integer },
            new() { Value = totals.Values.Select(HealthOf).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text },
        },
    };

    private static string? HealthOf(PresenceTotals live) =>
        live is { BitrateKbps: { } kbps, MaximumKbps: { } maximum } ? WireNames<StreamHealth>.Of(BitrateUpdate.HealthOf(kbps, maximum)) : null;
}
