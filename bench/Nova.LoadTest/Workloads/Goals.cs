using Nova.LoadTest.Reporting;

namespace Nova.LoadTest.Workloads;

/// <summary>Goals that more than one workload meets or misses.</summary>
internal static class Goals
{
    private const int ViewersOfMemoryGoal = 10_000;
    private const double MostKilobytesPerViewer = 12;

    /// <summary>Null below 10,000 viewers: what a process needs for itself would be counted as theirs.</summary>
    public static Goal? MemoryPerViewer(Measurement cell) => cell.Viewers < ViewersOfMemoryGoal
        ? null
        : new Goal(
            $"RSS per viewer at {cell.Viewers:N0}", $"≤ {MostKilobytesPerViewer} KB", $"{cell.Memory!.PerViewer / 1024:F1} KB",
            cell.Memory.PerViewer <= MostKilobytesPerViewer * 1024);
}
