using Nova.LoadTest.Generator;

namespace Nova.LoadTest.Measuring;

/// <summary>What was used between a window's two ends.</summary>
/// <param name="UserSeconds">By the measured processes.</param>
/// <param name="SystemSeconds">By the kernel for them.</param>
/// <param name="Seconds">The window's length.</param>
/// <param name="GeneratorShare">Of its core, by this process, where it was not free.</param>
/// <param name="ForeignShare">Of the whole machine, by processes that are none of ours.</param>
internal sealed record CpuUse(double UserSeconds, double SystemSeconds, double Seconds, double GeneratorShare, double ForeignShare)
{
    /// <summary>Above this the generator's own queueing is in the latencies, and its core in the rates.</summary>
    public const double MostGeneratorShare = 0.90;

    public const double MostForeignShare = 0.05;

    public double Share => (UserSeconds + SystemSeconds) / Seconds;
}

/// <summary>CPU time over exactly one window: start-up and warm-up would hide a knee.</summary>
internal sealed class CpuWindow
{
    private readonly IReadOnlyList<int> _measured;
    private readonly List<int> _ours;
    private CpuTicks _measuredBefore;
    private CpuTicks _oursBefore;
    private CpuTicks _generatorBefore;
    private long _lookedOnBefore;
    private long _machineBefore;
    private long _begunAt;

    /// <summary>Looks up our processes, which takes milliseconds: before the window, not in it.</summary>
    public CpuWindow(IReadOnlyList<int> measured)
    {
        _measured = measured;
        _ours = ProcFile.Tree(Environment.ProcessId);
    }

    public void Begin()
    {
        _begunAt = EventLoop.Now;
        _measuredBefore = ProcFile.CpuOf(_measured);
        _oursBefore = ProcFile.CpuOf(_ours);
        _generatorBefore = ProcFile.CpuOf(Environment.ProcessId);
        _lookedOnBefore = EventLoop.LookedOn;
        _machineBefore = ProcFile.MachineTicks();
    }

    public CpuUse End()
    {
        var seconds = (EventLoop.Now - _begunAt) / (double)EventLoop.Second;
        var measured = ProcFile.CpuOf(_measured) - _measuredBefore;
        var foreign = ProcFile.MachineTicks() - _machineBefore - (ProcFile.CpuOf(_ours) - _oursBefore).Total;
        var generator = ProcFile.CpuOf(Environment.ProcessId) - _generatorBefore;
        var lookedOn = (EventLoop.LookedOn - _lookedOnBefore) / (double)EventLoop.Second;
        return new CpuUse(
            measured.User / (double)CpuTicks.PerSecond,
            measured.System / (double)CpuTicks.PerSecond,
            seconds,
            Math.Max(0, (generator.Total / (double)CpuTicks.PerSecond) - lookedOn) / seconds,
            Math.Max(0, foreign) / (double)CpuTicks.PerSecond / seconds / MachineCores);
    }

    /// <summary>Not <c>Environment.ProcessorCount</c>, which is what this process may use.</summary>
    private static readonly int MachineCores = File.ReadLines("/proc/stat")
        .Count(static line => line.StartsWith("cpu", StringComparison.Ordinal) && char.IsAsciiDigit(line[3]));
}
