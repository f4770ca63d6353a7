using System.Diagnostics;

namespace Nova.AppHost.Tests;

/// <summary>What a program printed, and how it ended.</summary>
public sealed record Command(int ExitCode, string Output, string Errors)
{
    /// <summary>The repository's root.</summary>
    public static string Root { get; } = AppContext.BaseDirectory[..AppContext.BaseDirectory.LastIndexOf($"{Path.DirectorySeparatorChar}tests{Path.DirectorySeparatorChar}", StringComparison.Ordinal)];

    /// <summary>The AppHost in its own folder, where everything that it needs to run is.</summary>
    public static string AppHost => Path.Combine(
        AppContext.BaseDirectory.Replace($"tests{Path.DirectorySeparatorChar}Nova.AppHost.Tests", "Nova.AppHost"), "Nova.AppHost.dll");

    /// <summary>Runs it in a folder, to its end.</summary>
    public static async Task<Command> RunAsync(string folder, IReadOnlyDictionary<string, string> environment, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new Command(process.ExitCode, await output, await errors);
    }

    public static Task<Command> RunAsync(string folder, string program, params string[] arguments) =>
        RunAsync(folder, new Dictionary<string, string>(), program, arguments);

    /// <returns>What it printed.</returns>
    public string Succeeds()
    {
        Assert.True(ExitCode == 0, $"Exit code {ExitCode}: {Output}{Errors}");
        return Output;
    }

    /// <summary>Whether a program of this name can be started.</summary>
    public static bool IsInstalled(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));
}
