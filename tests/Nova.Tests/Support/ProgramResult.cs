using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Nova.Tests.Support;

/// <summary>The exit code and the output of one of Nova's programs that has ended by itself.</summary>
public sealed record ProgramResult(int ExitCode, string Output, string Errors)
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(40);

    /// <param name="program">The assembly's name, such as <c>Nova.Gateway</c>.</param>
    /// <param name="folder">The working folder; by default a folder without settings files.</param>
    public static async Task<ProgramResult> RunAsync(
        string program, IReadOnlyDictionary<string, string> environment, string[]? arguments = null, string? folder = null)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, $"{program}.dll"), .. arguments ?? []])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? Path.GetTempPath(),
        };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        using var timeout = new CancellationTokenSource(Timeout);
        try
        {
            await process.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new Xunit.Sdk.XunitException($"{program} did not end: {await output}{await errors}");
        }

        return new ProgramResult(process.ExitCode, await output, await errors);
    }

    /// <summary>Asserts that the program printed these sentences, and no exception name or stack trace.</summary>
    public void AssertRefused(params string[] sentences)
    {
        Assert.Equal(1, ExitCode);
        foreach (var sentence in sentences)
        {
            Assert.Contains(sentence, Errors);
        }

        Assert.False(Regex.IsMatch(Output + Errors, @"Exception|^\s+at |fail:|crit:|Unhandled"), Output + Errors);
    }
}
