namespace Nova.LoadTest.Planning;

/// <summary>CPU and memory of all gateways.</summary>
internal static class GatewayPlan
{
    public static IReadOnlyList<PlanLine> Cpu(PlanInputs inputs, Traffic traffic, UnitCosts costs) =>
    [
        // Timers, probes and metrics run in each process, whatever it serves.
        new("processes", inputs.Gateways, costs["gateway_second"]),

        // A viewer on whom nothing happens is pinged every 30 s and answers.
        new("quiet viewers", inputs.Viewers, costs["gateway_viewer_second"]),

        // A stream on which nothing happens may have a lease to renew, or nothing.
        new("streams held", traffic.HeldStreams, costs["gateway_stream_second"]),

        // A message is decoded and encoded once per gateway, and a stream's loop wakes for it.
        new("messages received", traffic.Messages, costs.At("gateway_message", traffic.Messages / inputs.Gateways)),

        // One send per viewer. Where messages come faster than a pass over the viewers, several leave in one: this is the upper bound.
        new("deliveries", traffic.Deliveries, costs["gateway_delivery"]),

        // Handshake and token at the join, taking the viewer out again, and two reports of the count to Redis. In a large stream one report has many
        // joins, and they cost less: 236 µs in a storm on one stream.
        new("joins and their leaves", traffic.Joins, costs["gateway_join"]),

        // The first viewer of a stream on this gateway subscribes and reads the snapshot.
        new("streams opened", traffic.Opens, costs["gateway_open"]),
    ];

    public static double Megabytes(PlanInputs inputs, Traffic traffic, UnitCosts costs) =>
        (inputs.Gateways * costs["gateway_mb"]) + (((inputs.Viewers * costs["gateway_viewer_kb"]) + (traffic.HeldStreams * costs["gateway_stream_kb"])) / 1024);
}
