using System.Globalization;
using System.Text;

namespace Nova.LoadTest.Reporting;

/// <summary>Formats results as Markdown tables.</summary>
internal static class MarkdownTable
{
    public static string Of(IReadOnlyList<Measurement> measurements)
    {
        if (measurements.Count == 0)
        {
            return "";
        }

        var extras = measurements.SelectMany(static one => one.Extra.Keys).Distinct().ToList();
        return Of(
            [
                "Workload", "System", "Cell", "Delivered/s", "Delivered %", "p50 / p90 / p99 / p99.9 / max ms", "CPU µs/delivery (user + sys)",
                "RSS before / idle / peak MB", "KB/viewer", "Server CPU", "Generator CPU", "Foreign CPU", .. extras, "Flags",
            ],
            measurements.Select(one => (IReadOnlyList<string>)
            [
                one.Workload, one.System, one.Cell, Number(one.DeliveredPerSecond, "N0"), Number(one.DeliveredPercent, "F2"), Of(one.Latency),
                one.CpuMicroseconds is null ? "" : $"{Number(one.CpuMicroseconds, "F2")} ({Number(one.UserMicroseconds, "F2")} + {Number(one.SystemMicroseconds, "F2")})",
                one.Memory is { } memory ? $"{Megabytes(memory.Before)} / {Megabytes(memory.Idle)} / {Megabytes(memory.Peak)}" : "",
                Number(one.Memory?.PerViewer / 1024, "F1"),
                Percent(one.Cpu?.Share), Percent(one.Cpu?.GeneratorShare), Percent(one.Cpu?.ForeignShare),
                .. extras.Select(name => one.Extra.TryGetValue(name, out var value) ? Number(value, "G5") : ""),
                one.Flags,
            ]));
    }

    public static string Of(IReadOnlyList<Goal> goals) => goals.Count == 0
        ? ""
        : Of(
            ["Goal (PERFORMANCE.md, section 3)", "Wanted", "Measured", ""],
            goals.Select(static goal => (IReadOnlyList<string>)[goal.What, goal.Wanted, goal.Measured, goal.Met ? "met" : "**missed**"]));

    public static string Of(IReadOnlyList<string> head, IEnumerable<IReadOnlyList<string>> rows)
    {
        var table = new StringBuilder();
        void Line(IEnumerable<string> cells) => table.Append("| ").AppendJoin(" | ", cells).AppendLine(" |");
        Line(head);
        Line(head.Select(static _ => "---"));
        foreach (var row in rows)
        {
            Line(row);
        }

        return table.ToString();
    }

    /// <summary>A cell in one line, printed on the terminal as soon as it is measured.</summary>
    public static string OneLine(Measurement one)
    {
        var text = new StringBuilder($"{one.Workload} {one.System} {one.Cell}: {one.DeliveredPerSecond:N0}/s");
        void Append(bool there, string part) => text.Append(there ? $", {part}" : "");
        Append(one.DeliveredPercent is not null, $"{one.DeliveredPercent:F2} %");
        Append(one.Latency is not null, $"p50/p99/max {one.Latency?.P50:F1}/{one.Latency?.P99:F1}/{one.Latency?.Max:F1} ms");
        Append(one.CpuMicroseconds is not null, $"{one.CpuMicroseconds:F2} µs");
        Append(one.Memory is not null, $"{one.Memory?.PerViewer / 1024:F1} KB/viewer");
        Append(one.Cpu is not null, $"server {Percent(one.Cpu?.Share)}, generator {Percent(one.Cpu?.GeneratorShare)}, foreign {Percent(one.Cpu?.ForeignShare)}");
        foreach (var (name, value) in one.Extra)
        {
            Append(true, $"{name} {Number(value, "G5")}");
        }

        Append(one.Flags.Length > 0, one.Flags);
        return text.ToString();
    }

    /// <summary>Formats a figure; NaN is the time of an event that did not happen.</summary>
    public static string Number(double? value, string format) =>
        value is double.NaN ? "never" : value?.ToString(format, CultureInfo.InvariantCulture) ?? "";

    private static string Of(Latencies? latency) => latency is null
        ? ""
        : string.Join(" / ", new[] { latency.P50, latency.P90, latency.P99, latency.P999, latency.Max }.Select(static value => Number(value, "F1")));

    private static string Percent(double? share) => share is null ? "" : Number(share * 100, "F0") + " %";

    private static string Megabytes(long bytes) => Number(bytes / 1048576.0, "F0");
}
