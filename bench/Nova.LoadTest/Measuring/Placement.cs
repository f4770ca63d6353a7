using Nova.LoadTest.Generator;

namespace Nova.LoadTest.Measuring;

/// <summary>Which cores the measured processes may use, and which everything else: generator, databases, services behind the gateway.</summary>
internal sealed record Placement(string Measured, string Others)
{
    /// <param name="bothCores">The measured processes get the generator's core too: for totals, not for comparisons.</param>
    public static Placement Choose(bool bothCores)
    {
        if (Environment.ProcessorCount < 2)
        {
            throw new LoadTestException("This machine has one core: generator and system would measure each other. Two are needed.");
        }

        return new Placement(bothCores ? "0,1" : "0", "1");
    }

    /// <summary>Puts this process, with all threads it has and will have, on the generator's core.</summary>
    public unsafe void PinThisProcess()
    {
        var mask = 1ul << int.Parse(Others, System.Globalization.CultureInfo.InvariantCulture);
        foreach (var thread in Directory.GetDirectories("/proc/self/task"))
        {
            _ = Linux.sched_setaffinity(int.Parse(Path.GetFileName(thread), System.Globalization.CultureInfo.InvariantCulture), sizeof(ulong), &mask);
        }
    }
}
