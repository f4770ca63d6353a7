namespace Nova.LoadTest.Planning;

/// <summary>What a plan assumes. The defaults are those of <c>plan</c>'s options.</summary>
internal sealed record PlanInputs
{
    public double Viewers { get; init; } = 10_000_000;

    public double Streams { get; init; } = 100_000;

    public int Gateways { get; init; } = 200;

    public int Shards { get; init; } = 8;

    /// <summary>Sharded pub/sub; without it, a Redis Cluster sends every message to every shard.</summary>
    public bool IsSharded { get; init; } = true;

    /// <summary>How viewers are distributed over streams, see <see cref="StreamMix"/>.</summary>
    public string Mix { get; init; } = "zipf:1";

    /// <summary>State changes per stream and minute.</summary>
    public double EventsPerMinute { get; init; } = 1;

    /// <summary>Joins per second, and as many leaves.</summary>
    public double Joins { get; init; }

    /// <summary>Seconds between two bitrate samples of a stream.</summary>
    public double BitrateInterval { get; init; } = 5;

    public double HeartbeatInterval { get; init; } = 5;

    /// <summary>Viewers of a stream are dealt out to the gateways in turn; otherwise a balancer places each at random.</summary>
    public bool IsDealtOut { get; init; }

    public PlanLimits Limits { get; init; } = new();
}

/// <summary>What one machine or process may have.</summary>
internal sealed record PlanLimits
{
    /// <summary>Share of a limit that a plan may use: the rest is for peaks, and for the load of machines that fail.</summary>
    public double Utilisation { get; init; } = 0.6;

    public double GatewayCores { get; init; } = 4;

    public double GatewayGigabytes { get; init; } = 4;

    /// <summary><c>Gateway:MaxConnections</c>.</summary>
    public double GatewayConnections { get; init; } = 50_000;

    public double GatewayGigabits { get; init; } = 10;

    public double StreamStateCores { get; init; } = 16;

    public double PostgresCores { get; init; } = 16;
}
