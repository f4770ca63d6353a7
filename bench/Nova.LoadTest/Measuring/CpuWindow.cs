using Nova.LoadTest.Generator;

namespace Nova.LoadTest.Measuring;

/// <summary>CPU time used in one window.</summary>
/// <param name="UserSeconds">User time of the measured processes.</param>
/// <param name="SystemSeconds">System time of the measured processes.</param>
/// <param name="Seconds">The window's length.</param>
/// <param name="GeneratorShare">Share of its core that this process used, without idle polling.</param>
/// <param name="ForeignShare">Share of the whole machine that processes outside this run used.</param>
internal sealed record CpuUse(double UserSeconds, double SystemSeconds, double Seconds, double GeneratorShare, double ForeignShare)
{
    /// <summary>Above this share, the generator's own queueing distorts the latencies, and its core limits the rates.</summary>
    public const double MaxGeneratorShare = 0.90;

    public const double MaxForeignShare = 0.05;

    public double Share => (UserSeconds + SystemSeconds) / Seconds;
}

/// <summary>Measures CPU time over exactly one window; start-up and warm-up would hide a knee.</summary>
internal sealed class CpuWindow
{
    private readonly IReadOnlyList<int> _measured;
    private readonly List<int> _allOwn;
    private CpuTicks _measuredBefore;
    private CpuTicks _allOwnBefore;
    private CpuTicks _generatorBefore;
    private long _idlePollBefore;
    private long _machineBefore;
    private long _startedAt;

    /// <summary>Lists the processes of this run. That takes milliseconds, so create the object before the window.</summary>
    public CpuWindow(IReadOnlyList<int> measured)
    {
        _measured = measured;
        _allOwn = ProcFile.Tree(Environment.ProcessId);
    }

    public void Begin()
    {
        _startedAt = EventLoop.Now;
        _measuredBefore = ProcFile.CpuOf(_measured);
        _allOwnBefore = ProcFile.CpuOf(_allOwn);
        _generatorBefore = ProcFile.CpuOf(Environment.ProcessId);
        _idlePollBefore = EventLoop.IdlePollTime;
        _machineBefore = ProcFile.MachineTicks();
    }

    public CpuUse End()
    {
        var seconds = (EventLoop.Now - _startedAt) / (double)EventLoop.Second;
        var measured = ProcFile.CpuOf(_measured) - _measuredBefore;
        var foreign = ProcFile.MachineTicks() - _machineBefore - (ProcFile.CpuOf(_allOwn) - _allOwnBefore).Total;
        var generator = ProcFile.CpuOf(Environment.ProcessId) - _generatorBefore;
        var idlePolled = (EventLoop.IdlePollTime - _idlePollBefore) / (double)EventLoop.Second;
        return new CpuUse(
            measured.User / (double)CpuTicks.PerSecond,
            measured.System / (double)CpuTicks.PerSecond,
            seconds,
            Math.Max(0, (generator.Total / (double)CpuTicks.PerSecond) - idlePolled) / seconds,
            Math.Max(0, foreign) / (double)CpuTicks.PerSecond / seconds / MachineCores);
    }

    /// <summary>Not <c>Environment.ProcessorCount</c>, which counts only the cores that this process may use.</summary>
    private static readonly int MachineCores = File.ReadLines("/proc/stat")
        .Count(static line => line.StartsWith("cpu", StringComparison.Ordinal) && char.IsAsciiDigit(line[3]));
}
