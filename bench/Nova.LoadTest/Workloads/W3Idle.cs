using Nova.LoadTest.Measuring;
using Nova.LoadTest.Reporting;

namespace Nova.LoadTest.Workloads;

/// <summary>The cost of connections on which nothing is sent.</summary>
internal sealed class W3Idle : Workload
{
    public override string Name => "W3";

    public override string Summary => "idle viewers (10,000 for 60 s; --seconds 300 for the full run): RSS, CPU, context switches";

    public override async Task RunAsync(Bench bench)
    {
        var system = bench.CreateSystem();
        await using var session = await FanoutSession.OpenAsync(system, bench.Settings.Viewers ?? 10_000, bench.Settings, bench.Cancellation);
        var cpu = new CpuWindow(system.MeasuredProcesses);
        var switches = ProcFile.ContextSwitches(system.MeasuredProcesses);
        cpu.Begin();
        session.Loop.RunFor(bench.Settings.Window(60));
        var use = cpu.End();
        switches = ProcFile.ContextSwitches(system.MeasuredProcesses) - switches;

        session.Audience.RequireAllOpen();
        var viewers = session.Audience.Viewers.Count;
        var cell = new Measurement(Name, system.Name, $"{viewers:N0} idle", viewers)
        {
            Cpu = use,
            Memory = session.Memory(),
            Extra = new()
            {
                ["context switches/s"] = switches / use.Seconds,
                ["RSS at the end MB"] = ProcFile.ResidentBytes(system.MeasuredProcesses) / 1048576.0,
            },
        };
        bench.Report.Add(cell);
        bench.AddGoal(Goals.MemoryPerViewer(cell));
    }
}
