using System.CommandLine;
using Nova.Cli.Profiles;
using Spectre.Console;
using Profile = Nova.Cli.Profiles.Profile;

namespace Nova.Cli.Commands;

/// <summary><c>nova login</c>: remembers an environment. Secrets come by standard input or the environment, never as arguments, which other accounts can read.</summary>
internal static class LoginCommand
{
    private const string TokenVariable = "NOVA_TOKEN";
    private const string KeyVariable = "NOVA_SIGNING_KEY";

    public static Command Create()
    {
        var token = new Option<bool>("--token") { Description = $"Use one token that somebody made: {TokenVariable}, or standard input" };
        var key = new Option<bool>("--key") { Description = $"Sign tokens with Nova's own HS256 key: {KeyVariable}, or standard input" };
        var development = new Option<bool>("--development") { Description = "A Nova in Development on this machine makes the tokens (default)" };
        var issuer = new Option<string>("--issuer") { Description = "iss of the tokens, with --key", DefaultValueFactory = _ => "nova" };
        var audience = new Option<string>("--audience") { Description = "aud of the tokens, with --key", DefaultValueFactory = _ => "nova" };
        var keyId = new Option<string?>("--key-id") { Description = "kid of the tokens, with --key" };
        var command = new Command("login", "Remember an environment: its address, and how tokens for it are had.") { token, key, development, issuer, audience, keyId };
        command.Validators.Add(result =>
        {
            if (new[] { token, key, development }.Count(result.GetValue) > 1)
            {
                result.AddError("Choose one of --token, --key and --development.");
            }
        });
        command.Runs(async context =>
        {
            var arguments = context.Arguments;
            var name = arguments.GetValue(NovaCommand.NameOf) ?? Environment.GetEnvironmentVariable("NOVA_PROFILE") ?? ProfileStore.Default;
            var known = ProfileStore.All.GetValueOrDefault(name) ?? Profile.Local;
            var profile = known with { Address = arguments.GetValue<Uri?>("--address") ?? known.Address }; // With no kind of tokens, it keeps what it has.
            if (arguments.GetValue(key))
            {
                var secret = await SecretAsync(KeyVariable, "signing key", context.Stop);
                TokenMint.KeyBytes(secret);
                profile = profile with
                {
                    Kind = TokenKind.Key,
                    SigningKey = secret,
                    KeyId = arguments.GetValue(keyId),
                    Issuer = arguments.GetValue(issuer)!,
                    Audience = arguments.GetValue(audience)!,
                    Token = null,
                };
            }
            else if (arguments.GetValue(token))
            {
                profile = profile with { Kind = TokenKind.Fixed, Token = await SecretAsync(TokenVariable, "token", context.Stop), SigningKey = null };
            }
            else if (arguments.GetValue(development))
            {
                profile = profile with { Kind = TokenKind.Development, Token = null, SigningKey = null };
            }

            ProfileStore.Set(name, profile);
            context.Screen.Write(
                new { profile = name, address = profile.Address.OriginalString, tokens = profile.Kind.ToString().ToLowerInvariant(), file = ProfileStore.Location },
                $"Profile '{name.EscapeMarkup()}' is {profile.Address.OriginalString.EscapeMarkup()} ({ProfileStore.Location.EscapeMarkup()}). Try it: nova doctor{(name == ProfileStore.Default ? "" : $" --profile {name.EscapeMarkup()}")}");
            return ExitCodes.Ok;
        }, needsProfile: false);
        return command;
    }

    private static async Task<string> SecretAsync(string variable, string what, CancellationToken cancellationToken)
    {
        var secret = Environment.GetEnvironmentVariable(variable);
        secret ??= Console.IsInputRedirected
            ? await Console.In.ReadLineAsync(cancellationToken)
            : await AnsiConsole.PromptAsync(new TextPrompt<string>($"The {what}:").Secret(), cancellationToken);
        return string.IsNullOrWhiteSpace(secret) ? throw new UsageException($"There is no {what}: set {variable}, or give it on standard input.") : secret.Trim();
    }
}
