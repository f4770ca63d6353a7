namespace Nova.LoadTest.Planning;

/// <summary>CPU of all StreamState replicas, CPU of PostgreSQL, and its transactions.</summary>
internal static class StreamStatePlan
{
    /// <summary>What StreamState does. PostgreSQL does as much for each, at its own cost.</summary>
    private static (string What, string Cost, double PerSecond)[] Work(PlanInputs inputs, Traffic traffic) =>
    [
        // Leases, polling and sweeps. Only one replica works on each partition, so that more replicas add little.
        ("process", "second", 1),

        // Peaks are copied from Redis for each live stream, every 5 s.
        ("live streams", "stream_second", inputs.Streams),

        // A transaction with its event in the outbox, and the relay's share.
        ("state changes", "change", traffic.Changes),
        ("bitrate samples", "bitrate", traffic.Bitrates),
        ("heartbeats", "heartbeat", traffic.Heartbeats),

        // A gateway that opens a stream reads its snapshot.
        ("snapshots", "open", traffic.Opens),
    ];

    public static IReadOnlyList<PlanLine> Cpu(PlanInputs inputs, Traffic traffic, UnitCosts costs) =>
        [.. Work(inputs, traffic).Select(work => new PlanLine(work.What, work.PerSecond, costs.At($"streamstate_{work.Cost}", work.PerSecond)))];

    public static IReadOnlyList<PlanLine> PostgresCpu(PlanInputs inputs, Traffic traffic, UnitCosts costs) =>
        [.. Work(inputs, traffic).Select(work => new PlanLine(work.What, work.PerSecond, costs.At($"postgres_{work.Cost}", work.PerSecond)))];

    public static double Transactions(PlanInputs inputs, Traffic traffic, UnitCosts costs) =>
        Work(inputs, traffic).Sum(work => work.PerSecond * costs[$"transactions_{work.Cost}"]);
}
