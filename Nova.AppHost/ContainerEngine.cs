using System.ComponentModel;
using System.Diagnostics;

namespace Nova.AppHost;

/// <summary>Whether a container engine answers. A client program without its daemon is no engine.</summary>
/// <param name="Sentence">Says what was asked and what came of it.</param>
internal sealed record ContainerEngine(bool Answers, string Sentence)
{
    /// <summary>The programs that Aspire's orchestrator knows; it takes the one named in ASPIRE_CONTAINER_RUNTIME if there is a name.</summary>
    private static readonly string[] Programs = ["docker", "podman"];

    /// <summary>An engine that runs answers in some 50 ms; a client whose daemon is away or hangs may take minutes to say so.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public static ContainerEngine Ask() =>
        Ask(Environment.GetEnvironmentVariable("ASPIRE_CONTAINER_RUNTIME") is { Length: > 0 } named ? [named] : Programs);

    public static ContainerEngine Ask(params string[] programs)
    {
        var asked = programs.Select(program => (Program: program, Answer: Task.Run(() => AskAsync(program)))).ToList();
        Task.WaitAll([.. asked.Select(engine => engine.Answer)]);
        return asked.Find(engine => engine.Answer.Result is null) is { Program: { } found }
            ? new(true, $"The container engine of '{found}' answers.")
            : new(false, $"No container engine answers: {string.Join("; ", asked.Select(engine => $"'{engine.Program}' {engine.Answer.Result}"))}.");
    }

    /// <returns>Null if it answers; else why not.</returns>
    private static async Task<string?> AskAsync(string program)
    {
        using var timeout = new CancellationTokenSource(Patience);
        try
        {
            // "info" fails where the daemon does not answer; "version" prints the client's own and may succeed.
            using var process = Process.Start(new ProcessStartInfo(program, ["info"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            process.OutputDataReceived += static (_, _) => { };
            process.ErrorDataReceived += static (_, _) => { };
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            try
            {
                await process.WaitForExitAsync(timeout.Token);
                return process.ExitCode == 0 ? null : "is installed, but its engine does not run";
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                return $"did not answer in {Patience.TotalSeconds:F0} s";
            }
        }
        catch (Win32Exception)
        {
            return "is not installed";
        }
    }
}
