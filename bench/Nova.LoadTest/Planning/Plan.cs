namespace Nova.LoadTest.Planning;

/// <summary>The use of one limit.</summary>
internal sealed record PlanUse(string What, double Used, double Limit, string Unit)
{
    public double Share => Used / Limit;
}

/// <summary>A whole plan: what each part needs, and which limit is reached first.</summary>
internal sealed class Plan(PlanInputs inputs, UnitCosts costs)
{
    public PlanInputs Inputs => inputs;

    public Traffic Traffic { get; } = new(inputs);

    public IReadOnlyList<PlanLine> Gateways => GatewayPlan.Cpu(inputs, Traffic, costs);

    public IReadOnlyList<PlanLine> Redis => RedisPlan.Cpu(inputs, Traffic, costs);

    public IReadOnlyList<PlanLine> StreamState => StreamStatePlan.Cpu(inputs, Traffic, costs);

    public IReadOnlyList<PlanLine> Postgres => StreamStatePlan.PostgresCpu(inputs, Traffic, costs);

    public double Transactions => StreamStatePlan.Transactions(inputs, Traffic, costs);

    public double GatewayMegabytes => GatewayPlan.Megabytes(inputs, Traffic, costs);

    /// <summary>Every limit, fullest first: the first is what the load meets first as it grows.</summary>
    public IReadOnlyList<PlanUse> Uses()
    {
        var (limits, gateways) = (inputs.Limits, inputs.Gateways);
        return
        [
            .. new PlanUse[]
            {
                new("cores of a gateway", Sum(Gateways) / gateways, limits.GatewayCores, "cores"),
                new("connections of a gateway", inputs.Viewers / gateways, limits.GatewayConnections, ""),
                new("memory of a gateway", GatewayMegabytes / 1024 / gateways, limits.GatewayGigabytes, "GB"),
                new("network of a gateway", BandwidthPlan.ToViewers(inputs, Traffic) / 1e9 / gateways, limits.GatewayGigabits, "Gbit/s"),
                new("Redis, an average shard", Sum(Redis) / inputs.Shards, 1, "cores"),
                new("Redis, the shard of the largest stream", RedisPlan.HottestShard(inputs, Traffic, costs), 1, "cores"),
                new("StreamState", Sum(StreamState), limits.StreamStateCores, "cores"),
                new("PostgreSQL", Sum(Postgres), limits.PostgresCores, "cores"),
            }.OrderByDescending(static use => use.Share),
        ];
    }

    public static double Sum(IReadOnlyList<PlanLine> lines) => lines.Sum(static line => line.Cores);
}
