using System.CommandLine;
using Nova.LoadTest.Reporting;
using Nova.LoadTest.Systems;
using Nova.LoadTest.Workloads;

namespace Nova.LoadTest.Commands;

/// <summary><c>run W1 …</c>: runs one workload on one system.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var command = new Command("run", "Runs one workload of PERFORMANCE.md and compares it with its goal.");
        foreach (var workload in WorkloadCatalog.All)
        {
            var system = new Option<string>("--system") { Description = "System to measure", DefaultValueFactory = _ => "nova" }.AcceptOnlyFromAmong(SystemCatalog.Names);
            var options = new CommonOptions();
            var one = new Command(workload.Name, workload.Summary) { system };
            options.AddTo(one);
            one.SetAction((arguments, cancellationToken) => Terminal.RunAsync(async () =>
            {
                var settings = options.Read(arguments) with { System = arguments.GetValue(system)! };
                var report = new Report($"{workload.Name} on {settings.System}");
                try
                {
                    var placement = Terminal.Prepare(settings, report);
                    await workload.RunAsync(new Bench(settings, placement, report, cancellationToken));
                }
                finally
                {
                    report.Finish(); // Keeps the cells that were measured before a failure.
                }
            }));
            command.Add(one);
        }

        return command;
    }
}
