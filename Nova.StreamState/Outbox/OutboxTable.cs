using System.Diagnostics;
using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace Nova.StreamState.Outbox;

/// <summary>The outbox's rows: written in the transaction of the change they tell of, read and deleted by the relay.</summary>
internal static class OutboxTable
{
    /// <summary>
    /// Each partition is relayed by one replica at a time, so this is also how many replicas can share the work. A stream is always
    /// in the same one; changing the number with rows waiting would strand some.
    /// </summary>
    public const int Partitions = 4;

    public const string ColumnsAndOrder =
        "SELECT id, stream_id, version, event, happened_at, trace_parent, envelope FROM outbox WHERE partition = $1 ORDER BY id LIMIT $2";

    public static int PartitionOf(Guid streamId)
    {
        Span<byte> bytes = stackalloc byte[16];
        streamId.TryWriteBytes(bytes, bigEndian: true, out _);
        return bytes[15] % Partitions; // The random end of a UUID, whichever version it is.
    }

    public static string Channel(int partition) => $"nova_outbox_{partition}";

    /// <summary>The INSERT and the NOTIFY that wakes the relay when the transaction commits.</summary>
    public static IEnumerable<NpgsqlBatchCommand> Insert(Guid streamId, long version, string eventName, DateTimeOffset? happenedAt, byte[] envelope)
    {
        var partition = PartitionOf(streamId);
        yield return new NpgsqlBatchCommand(
            "INSERT INTO outbox (partition, stream_id, version, event, happened_at, trace_parent, envelope) VALUES ($1, $2, $3, $4, coalesce($5, now()), $6, $7)")
        {
            Parameters =
            {
                new() { Value = (short)partition },
                new() { Value = streamId },
                new() { Value = version },
                new() { Value = eventName },
                new() { Value = happenedAt ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz },
                new() { Value = Activity.Current?.Id ?? "" },
                new() { Value = Encoding.UTF8.GetString(envelope) },
            },
        };
        yield return new NpgsqlBatchCommand("SELECT pg_notify($1, '')") { Parameters = { new() { Value = Channel(partition) } } };
    }
}
