using System.Diagnostics;

namespace Nova.Tests.Support.Faults;

/// <summary>
/// Kills the lab's processes when the test process ends without having stopped them. A shell reads their ids; its standard input closes
/// when the test process ends, however that happens.
/// </summary>
internal static class ProcessGuard
{
    private const string Script = """
        trap '' INT TERM HUP; ids=''
        while read -r what id; do
          case $what in start) ids="$ids $id ";; end) ids="${ids%% "$id" *} ${ids#* "$id" }";; esac
        done
        for id in $ids; do kill -9 "$id" 2>/dev/null; done
        """;

    private static readonly Lazy<Process> Shell = new(() =>
        Process.Start(new ProcessStartInfo("/bin/sh", ["-c", Script]) { RedirectStandardInput = true })!);

    public static Process Start(ProcessStartInfo start)
    {
        var process = Process.Start(start)!;
        Tell("start", process.Id);
        return process;
    }

    /// <summary>The process has ended, so its id may become another process'.</summary>
    public static void Forget(Process process) => Tell("end", process.Id);

    private static void Tell(string what, int id)
    {
        lock (Shell)
        {
            Shell.Value.StandardInput.WriteLine($"{what} {id}");
            Shell.Value.StandardInput.Flush();
        }
    }
}
