using System.Diagnostics;

namespace Nova.Tests.Support;

/// <summary>A program of Nova that ended by itself: what it returned and printed.</summary>
public sealed record EndedProgram(int ExitCode, string Output, string Errors)
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(40);

    /// <param name="program">Such as <c>Nova.Gateway</c>.</param>
    /// <param name="folder">The working folder; default: one without settings of anybody's.</param>
    public static async Task<EndedProgram> RunAsync(
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

        return new EndedProgram(process.ExitCode, await output, await errors);
    }

    /// <summary>Sentences and nothing else: no exception's name, no stack trace, on either stream.</summary>
    public void AssertRefused(params string[] sentences)
    {
        Assert.Equal(1, ExitCode);
        foreach (var sentence in sentences)
        {
            Assert.Contains(sentence, Errors);
        }

        Assert.DoesNotMatch(@"Exception|^\s+at |fail:|crit:|Unhandled", Output + Errors);
    }
}
