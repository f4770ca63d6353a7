using System.Globalization;
using System.Runtime.InteropServices;

namespace Nova.Tests.Support.Faults;

/// <summary>Signals to processes that the lab started, by their ids. Linux only, since the lab finds child processes in <c>/proc</c>.</summary>
internal static class Signals
{
    public const int Interrupt = 2;
    public const int Kill = 9;
    public const int Terminate = 15;
    public const int Continue = 18;
    public const int Stop = 19;

    public static void Send(int processId, int signal) => KillProcess(processId, signal);

    /// <summary>The children of a process: PostgreSQL runs one for each session, each in a process group of its own.</summary>
    public static IReadOnlyList<int> Children(int processId) =>
    [
        .. Directory.EnumerateDirectories("/proc")
            .Select(folder => int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id) ? id : 0)
            .Where(id => id > 0 && ParentOf(id) == processId),
    ];

    /// <summary><c>1234 (name, which may hold anything) S 1200 …</c> → 1200.</summary>
    private static int ParentOf(int processId)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{processId}/stat");
            return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0; // The process ended meanwhile.
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int KillProcess(int processId, int signal);
}
