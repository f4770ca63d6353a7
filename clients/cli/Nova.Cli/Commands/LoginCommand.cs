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
        command.SetAction(async (arguments, cancellationToken) =>
        {
            try
            {
                var name = arguments.GetValue(NovaCommand.NameOf) ?? Environment.GetEnvironmentVariable("NOVA_PROFILE") ?? ProfileStore.Default;
                var known = ProfileStore.All.GetValueOrDefault(name) ?? Profile.Local;
                var profile = new Profile
                {
                    Address = arguments.GetValue<Uri?>("--address") ?? known.Address,
                    Kind = arguments.GetValue(key) ? TokenKind.Key : arguments.GetValue(token) ? TokenKind.Fixed : TokenKind.Development,
                    Token = arguments.GetValue(token) ? await SecretAsync(TokenVariable, "token", cancellationToken) : null,
                    SigningKey = arguments.GetValue(key) ? await SecretAsync(KeyVariable, "signing key", cancellationToken) : null,
                    KeyId = arguments.GetValue(keyId),
                    Issuer = arguments.GetValue(issuer)!,
                    Audience = arguments.GetValue(audience)!,
                };
                if (profile.SigningKey is { } secret)
                {
                    TokenMint.KeyBytes(secret);
                }

                ProfileStore.Set(name, profile);
                Console.WriteLine($"Profile '{name}' is {profile.Address.OriginalString} ({ProfileStore.Location}). Try it: nova doctor{(name == ProfileStore.Default ? "" : $" --profile {name}")}");
                return ExitCodes.Ok;
            }
            catch (UsageException problem)
            {
                await Console.Error.WriteLineAsync(problem.Message);
                return ExitCodes.Usage;
            }
        });
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
