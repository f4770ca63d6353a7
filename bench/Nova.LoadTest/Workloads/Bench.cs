using Nova.LoadTest.Measuring;
using Nova.LoadTest.Reporting;
using Nova.LoadTest.Systems;
using Nova.LoadTest.Systems.Nova;

namespace Nova.LoadTest.Workloads;

/// <summary>The context of a workload: settings, cores and report.</summary>
internal sealed record Bench(RunSettings Settings, Placement Placement, Report Report, CancellationToken Cancellation)
{
    /// <summary>Adds a goal if the measured system is Nova; peers have no goals.</summary>
    public void AddGoal(Goal? goal)
    {
        if (goal is not null && Settings.System == SystemCatalog.Nova)
        {
            Report.Add(goal);
        }
    }

    /// <summary>Creates the system that <c>--system</c> names.</summary>
    public SystemUnderTest CreateSystem() => SystemCatalog.Create(Settings.System, Placement);

    /// <exception cref="LoadTestException"><c>--system</c> names another system.</exception>
    public NovaSystem CreateNova(NovaLayout? layout = null) => Settings.System == SystemCatalog.Nova
        ? new NovaSystem(Placement, layout)
        : throw new LoadTestException($"This workload runs on Nova only. Omit --system {Settings.System}.");
}

/// <summary>One of the workloads of PERFORMANCE.md, section 4.</summary>
internal abstract class Workload
{
    public abstract string Name { get; }

    /// <summary>One line for <c>--help</c>.</summary>
    public abstract string Summary { get; }

    public abstract Task RunAsync(Bench bench);
}
