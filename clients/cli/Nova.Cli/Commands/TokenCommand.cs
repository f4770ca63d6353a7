using System.CommandLine;
using Nova.Cli.Output;
using Nova.Cli.Profiles;

namespace Nova.Cli.Commands;

/// <summary><c>nova token</c>: a token for the environment, on standard output and nowhere else.</summary>
internal static class TokenCommand
{
    public static Command Create()
    {
        var sub = new Option<string>("--sub") { Description = "Whose it is, 1 to 256 characters", DefaultValueFactory = _ => "nova-cli" };
        var role = new Option<string>("--role") { Description = "viewer, broadcaster or operator", DefaultValueFactory = _ => "viewer" }.AcceptOnlyFromAmong("viewer", "broadcaster", "operator");
        var streams = new Option<Guid[]>("--stream") { Description = "Only for this stream; may be repeated", CustomParser = ReadIds };
        var lifetime = Shared.Duration("--lifetime", "How long it lives, such as 10m; an hour by default");
        var viewer = new Option<string?>("--viewer-id") { Description = "viewer_id of the viewer, a UUID; made of sub by default. Only with a profile that has a key" };
        var command = new Command("token", "Print a token. With a profile that has Nova's key, this works in Production, too.") { sub, role, streams, lifetime, viewer };
        command.Runs(async context =>
        {
            var ids = context.Arguments.GetValue(streams) is { Length: > 0 } some ? some : null;
            var claims = new TokenClaims(context.Arguments.GetValue(sub)!, context.Arguments.GetValue(role)!, ids, context.Arguments.GetValue(lifetime), context.Arguments.GetValue(viewer));
            if (context.Profile.Kind == TokenKind.Fixed)
            {
                throw new UsageException("This profile has one token and no key, so no other can be made: nova login --key");
            }

            if (claims.ViewerId is not null && context.Profile.Kind != TokenKind.Key)
            {
                throw new UsageException("--viewer-id needs a profile that has Nova's key: nova login --key");
            }

            var token = await context.Profile.TokenAsync(claims, context.Stop);
            Screen.WriteLine(context.Screen.IsJson ? Screen.ToJson(new { token }) : token);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static Guid[] ReadIds(System.CommandLine.Parsing.ArgumentResult result)
    {
        List<Guid> ids = [];
        foreach (var token in result.Tokens)
        {
            if (!Guid.TryParse(token.Value, out var id))
            {
                result.AddError($"--stream must be a UUID, but is '{token.Value}'.");
                return [];
            }

            ids.Add(id);
        }

        return [.. ids];
    }
}
