namespace Nova.LoadTest.Planning;

/// <summary>CPU of all shards. Redis runs commands on one thread, so a shard has one core.</summary>
internal static class RedisPlan
{
    public static IReadOnlyList<PlanLine> Cpu(PlanInputs inputs, Traffic traffic, UnitCosts costs) =>
    [
        // Redis' own timer runs ten times a second.
        new("servers", inputs.Shards, costs["redis_second"]),

        // Each gateway keeps connections to each shard alive, and sends itself probes and its heartbeat.
        new("gateways × shards", inputs.Gateways * inputs.Shards, costs["redis_gateway_second"]),

        // Nothing, unless gateways renew a lease per stream.
        new("streams held", traffic.HeldStreams, costs["redis_stream_second"]),

        // Scripts; each publishes its message itself, and pushes it to the first gateway.
        new("state changes", traffic.Changes, costs["redis_change"]),
        new("bitrate samples", traffic.Bitrates, costs.At("redis_bitrate", traffic.Bitrates / inputs.Shards)),
        new("heartbeats", traffic.Heartbeats, costs.At("redis_heartbeat", traffic.Heartbeats / inputs.Shards)),
        new("count reports", traffic.Reports, costs.At("redis_report", traffic.Reports / inputs.Shards)),

        // One write for each further gateway that has a viewer of the stream.
        new("pushes to further gateways", traffic.FurtherMessages, costs.At("redis_push", traffic.FurtherMessages / inputs.Shards)),

        // Plain pub/sub sends each message to all other shards, whether or not anybody there listens; sharded pub/sub stays on the key's shard.
        new("forwards to other shards", inputs.IsSharded ? 0 : traffic.Publishes * (inputs.Shards - 1), costs["redis_forward"]),
    ];

    /// <summary>
    /// Cores that the shard of the largest stream needs: all of that stream's work, and the same share of everything else as each other shard. A
    /// stream's keys have one hash tag, so more shards do not help it.
    /// </summary>
    public static double HottestShard(PlanInputs inputs, Traffic traffic, UnitCosts costs)
    {
        var hot = traffic.Hottest;
        var hottest = ((hot.Reports * costs.At("redis_report", traffic.Reports / inputs.Shards)) + (hot.Messages * costs.At("redis_push", traffic.FurtherMessages / inputs.Shards))) / 1e6;
        return hottest + ((Cpu(inputs, traffic, costs).Sum(static line => line.Cores) - hottest) / inputs.Shards);
    }
}
