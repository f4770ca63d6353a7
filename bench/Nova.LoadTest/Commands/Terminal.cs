using Nova.LoadTest.Measuring;
using Nova.LoadTest.Reporting;
using Nova.LoadTest.Workloads;

namespace Nova.LoadTest.Commands;

/// <summary>Error handling and preparation, shared by all commands.</summary>
internal static class Terminal
{
    public static async Task<int> RunAsync(Func<Task> run)
    {
        try
        {
            await run();
            return 0;
        }
        catch (LoadTestException problem)
        {
            await Console.Error.WriteLineAsync(problem.Message);
            return 1;
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("Stopped.");
            return 1;
        }
    }

    /// <summary>Pins this process to the generator's core and configures the machine as the settings ask.</summary>
    public static Placement Prepare(RunSettings settings, Report report)
    {
        if (settings.Awake)
        {
            CpuIdleStates.Disable();
            report.Note("--awake: idle cores did not halt");
        }

        var placement = Placement.Choose(settings.BothCores);
        placement.PinThisProcess();
        return placement;
    }
}
