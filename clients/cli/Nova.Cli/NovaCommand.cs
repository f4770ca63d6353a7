using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using Nova.Cli.Commands;
using Nova.Cli.Output;
using Nova.Cli.Profiles;
using Nova.Client;

namespace Nova.Cli;

/// <summary>The <c>nova</c> command with its subcommands, what all of them take, and what each error ends with.</summary>
internal static class NovaCommand
{
    private static readonly Option<string?> ProfileName = new("--profile") { Description = "The environment, as named at login (NOVA_PROFILE)", Recursive = true };
    private static readonly Option<Uri?> Address = new("--address") { Description = "Another gateway than the profile's", Recursive = true, CustomParser = ReadAddress };
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON value a line, for programs", Recursive = true };

    public static RootCommand Create() => new("Watch, publish, simulate and examine live streams on Nova.")
    {
        ProfileName, Address, Json,
        LoginCommand.Create(), TokenCommand.Create(), StreamsCommand.Create(), WatchCommand.Create(),
        PublishCommands.CreateStream(), PublishCommands.Start(), PublishCommands.Quality(), PublishCommands.Bitrate(), PublishCommands.Error(), PublishCommands.End(), PublishCommands.Kick(),
        BroadcastCommand.Create(), TriggerCommand.Create(), IssuesCommand.Create(), QoeCommand.Create(),
        SimulateCommand.Create(), DoctorCommand.Create(), LoadCommand.Create(), CompletionCommand.Create(),
    };

    /// <summary>Lets a command run with its environment, and turns what goes wrong into a sentence and an exit code.</summary>
    /// <param name="needsProfile">False for those that work without an environment, or make it.</param>
    public static void Runs(this Command command, Func<CommandContext, Task<int>> run, bool needsProfile = true) => command.SetAction(async (arguments, cancellationToken) =>
    {
        try
        {
            var profile = needsProfile ? ProfileStore.Get(arguments.GetValue(ProfileName)) : Profile.Local;
            profile = arguments.GetValue(Address) is { } address ? profile with { Address = address } : profile;
            return await run(new CommandContext(arguments, profile, new Screen(arguments.GetValue(Json)), cancellationToken));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return ExitCodes.Interrupted;
        }
        catch (NovaApiException refused)
        {
            return await FailAsync(arguments, ExitCodes.Refused, refused.Message, refused.ErrorCode, refused.Errors);
        }
        catch (NovaClosedException closed)
        {
            return await FailAsync(arguments, ExitCodes.Refused, closed.Message);
        }
        catch (Exception problem) when (problem is HttpRequestException or TimeoutException or TaskCanceledException)
        {
            return await FailAsync(arguments, ExitCodes.Unreachable, $"Nova cannot be reached: {problem.Message} Try: nova doctor");
        }
        catch (JsonException problem)
        {
            return await FailAsync(arguments, ExitCodes.Unreachable, $"What answers there is no Nova: {problem.Message} Try: nova doctor");
        }
        catch (Exception problem)
        {
            return await FailAsync(arguments, ExitCodes.Usage, problem.Message); // An argument, a file or a profile; never a stack trace.
        }
    });

    public static Option<string?> NameOf => ProfileName;

    public static bool IsJson(ParseResult arguments) => arguments.Tokens.Any(token => token.Value == Json.Name); // Also where nothing else could be read.

    private static async Task<int> FailAsync(ParseResult arguments, int exitCode, string message, string? errorCode = null, IReadOnlyDictionary<string, string[]>? errors = null)
    {
        await Console.Error.WriteLineAsync(arguments.GetValue(Json) ? Screen.ToJson(new { error = message, error_code = errorCode, errors, exit_code = exitCode }) : message);
        return exitCode;
    }

    private static Uri? ReadAddress(ArgumentResult result)
    {
        if (Uri.TryCreate(result.Tokens[0].Value, UriKind.Absolute, out var address) && address.Scheme is "http" or "https")
        {
            return address;
        }

        result.AddError($"--address must be a gateway's address, such as https://nova.example.com, but is '{result.Tokens[0].Value}'.");
        return null;
    }
}

/// <summary>What a command has at hand.</summary>
internal sealed record CommandContext(ParseResult Arguments, Profile Profile, Screen Screen, CancellationToken Stop)
{
    public NovaPublisher Publisher(string role = "broadcaster") => new(Profile.ClientOptions(role));

    public NovaIssues Issues() => new(Profile.ClientOptions("operator"));
}
