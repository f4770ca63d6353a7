namespace Nova.Protocol.Live;

/// <summary>
/// Names in Redis. All of a stream's carry its id as a hash tag, so that a cluster keeps them on one node and a script reaches them together. The scripts
/// beside this file are the only writers.
/// </summary>
public static class LiveKeys
{
    private const string ViewersPrefix = "viewers:";

    /// <summary>
    /// What is kept of a live stream outlives its last change by this: longer than any broadcast is silent. Whoever reads a stream that is not there takes
    /// what Postgres has.
    /// </summary>
    public static readonly TimeSpan TimeToLive = TimeSpan.FromHours(24);

    /// <summary>
    /// Sorted set of gateways: id and the end of its lease in unix ms, by the clock of the node that has it. A gateway renews its own lease and no other;
    /// whoever finds a lease that has ended does not count that gateway's viewers any more.
    /// </summary>
    public const string Gateways = "nova:{gateways}:leases";

    /// <summary>Set of streams whose count or bitrate was published and is to be copied to Postgres.</summary>
    public const string Changed = "nova:{counts}:changed";

    /// <summary>When the watch over broadcasters last began a walk, unix ms: where that is long ago, the silence since is not theirs.</summary>
    public const string Walk = "nova:{watch}:walked_at";

    /// <summary>How many sorted sets the watched streams are spread over, so that a cluster's nodes share them.</summary>
    public const int DeadlineSets = 16;

    /// <summary>Sorted set of watched streams: id and the unix ms at which its broadcaster is looked for.</summary>
    public static string Deadlines(int set) => $"nova:{{deadlines-{set}}}:streams";

    /// <summary>The one that a stream is in.</summary>
    public static string DeadlinesOf(Guid streamId)
    {
        Span<byte> bytes = stackalloc byte[16];
        streamId.TryWriteBytes(bytes, bigEndian: true, out _);
        return Deadlines(bytes[15] % DeadlineSets); // The random end of a UUID, whichever version it is.
    }

    /// <summary>Pub/sub channel that one gateway alone subscribes to: with the gateway, its subscription is gone.</summary>
    public static string GatewayChannel(string gatewayId) => $"nova:{{gateways}}:{gatewayId}";

    /// <summary>Pub/sub channel of a stream's events and counts.</summary>
    public static string Channel(Guid streamId) => $"nova:{{{streamId:D}}}:events";

    /// <summary>
    /// Hash of a live stream's numbers:
    /// <list type="table">
    /// <item><term>viewers:&lt;gateway&gt;</term><description>viewers of one gateway, as it last reported them</description></item>
    /// <item><term>total, peak</term><description>as last published to viewers; a peak is one that no dead gateway had part in</description></item>
    /// <item><term>counted_at</term><description>when that was, unix ms</description></item>
    /// <item><term>version, event_at</term><description>newest version on the channel; newest time of an event or count on it, unix ms</description></item>
    /// <item><term>ended</term><description>1 after <c>stream_ended</c></description></item>
    /// <item><term>changes, changes_since</term><description>changes under way whose events are not on the channel yet, and since when</description></item>
    /// <item><term>signal_at</term><description>the broadcaster's last heartbeat or measurement, unix ms</description></item>
    /// <item><term>watched, lost</term><description>1 after the first heartbeat; 1 while the broadcaster is lost</description></item>
    /// <item><term>bitrate_sent_at, bitrate_kbps</term><description>when a bitrate was last published, unix ms; the measurement held back since</description></item>
    /// <item><term>sent_kbps, sent_maximum</term><description>the bitrate that was published last, and the stream's maximum then</description></item>
    /// <item><term>recount_until, recount_gateways</term><description>while the hash is rebuilt after a loss: how long at most, and how many gateways must report first</description></item>
    /// </list>
    /// </summary>
    public static string Stream(Guid streamId) => $"nova:{{{streamId:D}}}:live";

    /// <summary>Field of a stream's hash with one gateway's viewers.</summary>
    public static string ViewersOf(string gatewayId) => ViewersPrefix + gatewayId;

    /// <summary>The gateways among a stream's fields.</summary>
    public static IEnumerable<string> GatewaysOf(IEnumerable<string> fields) =>
        fields.Where(field => field.StartsWith(ViewersPrefix, StringComparison.Ordinal)).Select(field => field[ViewersPrefix.Length..]);
}
