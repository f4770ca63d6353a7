namespace Nova.LoadTest.Workloads;

/// <summary>What the command line says about a run. Null is the workload's own default.</summary>
internal sealed record RunSettings
{
    public string System { get; init; } = "nova";

    public int? Viewers { get; init; }

    /// <summary>Per second; of what, the workload says.</summary>
    public double? Rate { get; init; }

    public int? Seconds { get; init; }

    public TimeSpan Warmup { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Connects at once. Fewer than any peer's listen backlog, or SYNs are lost and come again a second later.</summary>
    public int InFlight { get; init; } = 256;

    public bool BothCores { get; init; }

    public TimeSpan QuietWait { get; init; }

    /// <inheritdoc cref="Measuring.AwakeCores"/>
    public bool Awake { get; init; }

    public TimeSpan Window(int defaultSeconds) => TimeSpan.FromSeconds(Seconds ?? defaultSeconds);
}
