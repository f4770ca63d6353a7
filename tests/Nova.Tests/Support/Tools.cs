using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Nova.Tests.Support;

/// <summary>Programs that tests need besides .NET. A missing program skips the test on a developer's machine and fails it in CI.</summary>
public static class Tools
{
    private const int InterruptSignal = 2;

    public static string Node => Find("Node.js 20 or newer", "apt-get install nodejs, or nodejs.org", "node");

    /// <summary>Starts a script that uses WebSocket, which Node.js enables by default from version 22 on.</summary>
    public static Process StartScript(string script, params string[] arguments)
    {
        using var version = Start(Node, ["--version"]);
        var major = int.Parse(version.StandardOutput.ReadToEnd().TrimStart('v').Split('.')[0], System.Globalization.CultureInfo.InvariantCulture);
        return Start(Node, [.. major < 22 ? ["--experimental-websocket"] : Array.Empty<string>(), Path.Combine(AppContext.BaseDirectory, script), .. arguments]);
    }

    /// <summary>The owner's protocol document, beside the repository; without it, the test is skipped.</summary>
    public static string ProtocolDocument
    {
        get
        {
            var document = Path.Combine(Root, "..", "shared", "websocket-protocol.md");
            Assert.SkipUnless(File.Exists(document), "The owner's protocol document is not part of this repository, and was not found beside it.");
            return document;
        }
    }

    public static string Promtool => Find("promtool", "apt-get install prometheus", "promtool");

    public static string Python => Find("Python 3.8 or newer", "apt-get install python3, or python.org", "python3", "python");

    public static string Chromium => Find("Chromium", "apt-get install chromium", "chromium", "chromium-browser", "google-chrome", "chrome");

    /// <summary>The repository's root, independent of the output folder.</summary>
    public static string Root { get; } = FindRoot();

    public static Process Start(string program, IEnumerable<string> arguments, string? folder = null) => Process.Start(new ProcessStartInfo(program, arguments)
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        RedirectStandardInput = true,
        WorkingDirectory = folder ?? Root,
    })!;

    /// <summary>Does what Ctrl+C does.</summary>
    public static void Interrupt(Process process) => Assert.Equal(0, Kill(process.Id, InterruptSignal));

    /// <summary>Creates a folder that other accounts can reach: as root, the tests run PostgreSQL under another account.</summary>
    public static DirectoryInfo TemporaryFolder(string prefix)
    {
        var folder = Directory.CreateTempSubdirectory(prefix);
        if (!OperatingSystem.IsWindows())
        {
            folder.UnixFileMode |= UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        }

        return folder;
    }

    private static string Find(string what, string install, params string[] names)
    {
        var found = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .SelectMany(folder => names.Select(name => Path.Combine(folder, name)))
            .FirstOrDefault(File.Exists);
        if (found is null)
        {
            var message = $"{what} is missing: {install}.";
            Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") is "true" or "1", message);
            Assert.Fail(message);
        }

        return found;
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int processId, int signal);

    private static string FindRoot([CallerFilePath] string thisFile = "")
    {
        var folder = new DirectoryInfo(Path.GetDirectoryName(thisFile)!);
        while (!File.Exists(Path.Combine(folder.FullName, "Nova.Aspire.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("No folder above the tests contains Nova.Aspire.sln.");
        }

        return folder.FullName;
    }
}
