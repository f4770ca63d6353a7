using System.Diagnostics;
using System.Globalization;
using System.Text;
using Npgsql;

namespace Nova.StreamState.Outbox;

/// <summary>The outbox's rows: written in the transaction of the change they tell of, read and deleted by the relay.</summary>
internal static class OutboxTable
{
    /// <summary>
    /// Each partition is relayed by one replica at a time, so this is also how many replicas can share the work. A stream is always
    /// in the same one; changing the number with rows waiting would strand some.
    /// </summary>
    public const int Partitions = 4;

    public static int PartitionOf(Guid streamId)
    {
        Span<byte> bytes = stackalloc byte[16];
        streamId.TryWriteBytes(bytes, bigEndian: true, out _);
        return bytes[15] % Partitions; // The random end of a UUID, whichever version it is.
    }

    /// <summary>Notifications carry the partition.</summary>
    public const string Channel = "nova_outbox";

    public static NpgsqlBatchCommand Insert(Guid streamId, long version, string eventName, DateTimeOffset happenedAt, byte[] envelope) => new(
        "INSERT INTO outbox (partition, stream_id, version, event, happened_at, trace_parent, envelope) VALUES ($1, $2, $3, $4, $5, $6, $7)")
    {
        Parameters =
        {
            new() { Value = (short)PartitionOf(streamId) },
            new() { Value = streamId },
            new() { Value = version },
            new() { Value = eventName },
            new() { Value = happenedAt },
            new() { Value = Activity.Current?.Id ?? "" },
            new() { Value = Encoding.UTF8.GetString(envelope) },
        },
    };

    /// <summary>Wakes the relay of another replica when the transaction commits.</summary>
    public static NpgsqlBatchCommand Notify(Guid streamId) => new("SELECT pg_notify($1, $2)")
    {
        Parameters = { new() { Value = Channel }, new() { Value = PartitionOf(streamId).ToString(CultureInfo.InvariantCulture) } },
    };
}
