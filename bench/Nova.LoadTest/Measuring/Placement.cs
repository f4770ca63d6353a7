using Nova.LoadTest.Generator;

namespace Nova.LoadTest.Measuring;

/// <summary>Assigns cores to the measured processes, and to everything else: generator, databases, services behind the gateway.</summary>
internal sealed record Placement(string MeasuredCores, string OtherCores)
{
    /// <param name="bothCores">Lets the measured processes use the generator's core too; for total throughput, not for comparisons.</param>
    public static Placement Choose(bool bothCores)
    {
        if (Environment.ProcessorCount < 2)
        {
            throw new LoadTestException("This machine has one core, so the generator would take CPU time from the measured system. Two cores are needed.");
        }

        return new Placement(bothCores ? "0,1" : "0", "1");
    }

    /// <summary>Pins this process to the generator's core, with all its present and future threads.</summary>
    public unsafe void PinThisProcess()
    {
        var mask = 1ul << int.Parse(OtherCores, System.Globalization.CultureInfo.InvariantCulture);
        foreach (var thread in Directory.GetDirectories("/proc/self/task"))
        {
            _ = Linux.sched_setaffinity(int.Parse(Path.GetFileName(thread), System.Globalization.CultureInfo.InvariantCulture), sizeof(ulong), &mask);
        }
    }
}
