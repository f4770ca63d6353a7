using System.CommandLine;
using System.Diagnostics;

namespace Nova.Cli.Commands;

/// <summary><c>nova load</c>: hands over to the load generator in the repository, whose figures say what a machine carries.</summary>
internal static class LoadCommand
{
    private const string Project = "bench/Nova.LoadTest";

    public static Command Create()
    {
        var workload = new Argument<string>("workload") { Description = "W1 fan-out, W2 many streams, W4 connects … (bench/README.md)", DefaultValueFactory = _ => "W1" };
        var command = new Command("load", "Measure what this machine carries, with the repository's load generator.") { workload };
        command.TreatUnmatchedTokensAsErrors = false; // They are the generator's.
        command.Runs(async context =>
        {
            var root = Root() ?? throw new UsageException($"{Project} is not above {Environment.CurrentDirectory}: run nova load in a clone of Nova's repository.");
            string[] arguments = ["run", "-c", "Release", "--project", Path.Combine(root, Project), "--", "run", context.Arguments.GetValue(workload)!, .. context.Arguments.UnmatchedTokens];
            using var generator = Process.Start(new ProcessStartInfo("dotnet", arguments))!;
            await generator.WaitForExitAsync(CancellationToken.None); // Ctrl+C reaches it, too, and it prints what it has.
            return generator.ExitCode;
        });
        return command;
    }

    private static string? Root()
    {
        var folder = new DirectoryInfo(Environment.CurrentDirectory);
        while (folder is not null && !Directory.Exists(Path.Combine(folder.FullName, Project)))
        {
            folder = folder.Parent;
        }

        return folder?.FullName;
    }
}
