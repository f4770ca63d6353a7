namespace Nova.LoadTest.Workloads;

/// <summary>The settings of a run, from the command line. Null means the workload's default.</summary>
internal sealed record RunSettings
{
    public string System { get; init; } = "nova";

    public int? Viewers { get; init; }

    /// <summary>Rate per second of what the workload counts: events, joins, reports.</summary>
    public double? Rate { get; init; }

    public int? Seconds { get; init; }

    /// <summary>Reports in the database before queries are measured.</summary>
    public int? Reports { get; init; }

    public TimeSpan Warmup { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Concurrent connects. More than a peer's listen backlog would lose SYNs, which Linux retransmits only a second later.</summary>
    public int InFlight { get; init; } = 256;

    public bool BothCores { get; init; }

    public TimeSpan QuietWait { get; init; }

    /// <inheritdoc cref="Measuring.CpuIdleStates"/>
    public bool Awake { get; init; }

    public TimeSpan Window(int defaultSeconds) => TimeSpan.FromSeconds(Seconds ?? defaultSeconds);
}
