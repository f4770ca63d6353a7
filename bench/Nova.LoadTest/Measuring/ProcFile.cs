using System.Globalization;

namespace Nova.LoadTest.Measuring;

/// <summary>CPU time in clock ticks; Linux reports 100 ticks a second.</summary>
internal readonly record struct CpuTicks(long User, long System)
{
    public const int PerSecond = 100;

    public long Total => User + System;

    public static CpuTicks operator +(CpuTicks a, CpuTicks b) => new(a.User + b.User, a.System + b.System);

    public static CpuTicks operator -(CpuTicks a, CpuTicks b) => new(a.User - b.User, a.System - b.System);
}

/// <summary>Reads figures of processes from <c>/proc</c>.</summary>
internal static class ProcFile
{
    /// <summary>CPU time of a process with all its threads; zero once the process has ended.</summary>
    public static CpuTicks CpuOf(int process) => Fields(process) is { } fields ? new CpuTicks(Number(fields[11]), Number(fields[12])) : default;

    public static CpuTicks CpuOf(IEnumerable<int> processes) => processes.Aggregate(default(CpuTicks), static (sum, process) => sum + CpuOf(process));

    /// <summary>
    /// CPU time of the whole machine, interrupts included. Sending over loopback is mostly softirq time, which Linux adds to the times of the
    /// sending processes; without interrupts here, this run's own work would hide foreign load.
    /// </summary>
    public static long MachineTicks()
    {
        // cpu  user nice system idle iowait irq softirq steal …
        var cpu = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return Number(cpu[1]) + Number(cpu[2]) + Number(cpu[3]) + Number(cpu[6]) + Number(cpu[7]) + Number(cpu[8]);
    }

    /// <summary>The current resident bytes.</summary>
    public static long ResidentBytes(IEnumerable<int> processes) => processes.Sum(static process => StatusKilobytes(process, "VmRSS:") * 1024);

    /// <summary>The maximum of resident bytes since the process started.</summary>
    public static long PeakResidentBytes(IEnumerable<int> processes) => processes.Sum(static process => StatusKilobytes(process, "VmHWM:") * 1024);

    public static int OpenDescriptors(IEnumerable<int> processes) =>
        processes.Sum(static process => Directory.GetFileSystemEntries($"/proc/{process}/fd").Length);

    /// <summary>Context switches of all threads, voluntary and involuntary.</summary>
    public static long ContextSwitches(IEnumerable<int> processes) => processes
        .SelectMany(static process => Directory.GetDirectories($"/proc/{process}/task"))
        .SelectMany(static thread => File.ReadLines(Path.Combine(thread, "status")))
        .Where(static line => line.Contains("ctxt_switches", StringComparison.Ordinal))
        .Sum(static line => Number(line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim()));

    /// <summary>A process and all its descendants.</summary>
    public static List<int> Tree(int root)
    {
        var parents = Directory.GetDirectories("/proc")
            .Select(static path => int.TryParse(Path.GetFileName(path), out var id) ? id : 0)
            .Where(static id => id > 0)
            .Select(static id => (Id: id, Fields: Fields(id)))
            .Where(static process => process.Fields is not null)
            .ToLookup(static process => (int)Number(process.Fields![1]), static process => process.Id);
        List<int> tree = [root];
        for (var i = 0; i < tree.Count; i++)
        {
            tree.AddRange(parents[tree[i]]);
        }

        return tree;
    }

    /// <summary>The fields of <c>/proc/N/stat</c> after the name, which may hold spaces and parentheses: state ppid … utime(11) stime(12) ….</summary>
    private static string[]? Fields(int process)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{process}/stat");
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null; // The process has ended.
        }
    }

    private static long StatusKilobytes(int process, string name)
    {
        var line = File.ReadLines($"/proc/{process}/status").FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal));
        return line is null ? 0 : Number(line[name.Length..].Replace("kB", "", StringComparison.Ordinal).Trim());
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
