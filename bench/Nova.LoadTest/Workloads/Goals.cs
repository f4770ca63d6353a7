using Nova.LoadTest.Reporting;

namespace Nova.LoadTest.Workloads;

/// <summary>Goals that several workloads share.</summary>
internal static class Goals
{
    private const int ViewersOfMemoryGoal = 10_000;
    private const double MaxKilobytesPerViewer = 12;

    /// <summary>The goal for memory per viewer; null below 10,000 viewers, where the process's fixed memory would distort the figure.</summary>
    public static Goal? MemoryPerViewer(Measurement cell) => cell.Viewers < ViewersOfMemoryGoal
        ? null
        : new Goal(
            $"RSS per viewer at {cell.Viewers:N0}", $"≤ {MaxKilobytesPerViewer} KB", $"{cell.Memory!.PerViewer / 1024:F1} KB",
            cell.Memory.PerViewer <= MaxKilobytesPerViewer * 1024);
}
