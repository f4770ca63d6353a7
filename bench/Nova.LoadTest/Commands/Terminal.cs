using Nova.LoadTest.Measuring;
using Nova.LoadTest.Reporting;
using Nova.LoadTest.Workloads;

namespace Nova.LoadTest.Commands;

/// <summary>What all commands do before and after.</summary>
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

    /// <summary>Moves this process to the generator's core, and the machine to what the settings ask for.</summary>
    public static Placement Prepare(RunSettings settings, Report report)
    {
        if (settings.Awake)
        {
            AwakeCores.Keep();
            report.Note("--awake: idle cores did not halt");
        }

        var placement = Placement.Choose(settings.BothCores);
        placement.PinThisProcess();
        return placement;
    }
}
