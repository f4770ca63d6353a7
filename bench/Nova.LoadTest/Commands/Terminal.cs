using Nova.LoadTest.Generator;
using Nova.LoadTest.Measuring;
using Nova.LoadTest.Workloads;

namespace Nova.LoadTest.Commands;

/// <summary>What all commands do before and after.</summary>
internal static class Terminal
{
    /// <summary>Descriptors that are not viewers: epoll, logs, the runtime's own.</summary>
    private const int OtherDescriptors = 300;

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

    /// <summary>Raises limits and moves this process to the generator's core.</summary>
    public static Placement Prepare(RunSettings settings)
    {
        var limit = Linux.RaiseFileLimit();
        if (settings.Viewers > limit - OtherDescriptors)
        {
            throw new LoadTestException(
                $"{settings.Viewers:N0} viewers need as many open files, and this process may have {limit:N0}. Run as root, or raise it: "
                + $"sudo prlimit --pid $$ --nofile={settings.Viewers + OtherDescriptors}");
        }

        var placement = Placement.Choose(settings.BothCores);
        placement.PinThisProcess();
        return placement;
    }
}
