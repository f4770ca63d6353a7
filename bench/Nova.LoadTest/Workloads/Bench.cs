using Nova.LoadTest.Measuring;
using Nova.LoadTest.Reporting;
using Nova.LoadTest.Systems;
using Nova.LoadTest.Systems.Nova;

namespace Nova.LoadTest.Workloads;

/// <summary>What a workload runs with.</summary>
internal sealed record Bench(RunSettings Settings, Placement Placement, Report Report, CancellationToken Cancellation)
{
    /// <summary>Goals are Nova's; of another system the figures alone are of interest.</summary>
    public void AddGoal(Goal? goal)
    {
        if (goal is not null && Settings.System == SystemCatalog.Nova)
        {
            Report.Add(goal);
        }
    }

    /// <summary>The system that <c>--system</c> names.</summary>
    public SystemUnderTest CreateSystem() => SystemCatalog.Create(Settings.System, Placement);

    /// <exception cref="LoadTestException">Another system was asked for.</exception>
    public NovaSystem CreateNova(NovaLayout? layout = null) => Settings.System == SystemCatalog.Nova
        ? new NovaSystem(Placement, layout)
        : throw new LoadTestException($"This workload uses what only Nova has; leave --system {Settings.System} out.");
}

/// <summary>One of the workloads of PERFORMANCE.md, section 4.</summary>
internal abstract class Workload
{
    public abstract string Name { get; }

    /// <summary>One line for --help.</summary>
    public abstract string Summary { get; }

    public abstract Task RunAsync(Bench bench);
}
