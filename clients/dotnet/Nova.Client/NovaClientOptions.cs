namespace Nova.Client;

/// <summary>How to reach a Nova.</summary>
public sealed class NovaClientOptions
{
    /// <summary>The gateway, such as <c>https://nova.example.com</c>.</summary>
    public Uri? Address { get; set; }

    /// <summary>
    /// Called when a token is needed: for the first call, shortly before the old one ends, and after Nova refused it. What it returns is used until then, so it need not cache.
    /// </summary>
    public Func<CancellationToken, ValueTask<string>>? Token { get; set; }

    /// <summary>How long a call of the publisher is repeated while Nova is unavailable or says that it comes too often.</summary>
    public TimeSpan RetryFor { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>A token that never changes.</summary>
    public static Func<CancellationToken, ValueTask<string>> FixedToken(string token) => _ => ValueTask.FromResult(token);

    internal Uri RequiredAddress() => Address is { IsAbsoluteUri: true, Scheme: "http" or "https" or "ws" or "wss" } address ? address
        : throw new ArgumentException($"{nameof(NovaClientOptions)}.{nameof(Address)} must be the gateway's address, such as https://nova.example.com.");

    internal Func<CancellationToken, ValueTask<string>> RequiredToken() =>
        Token ?? throw new ArgumentException($"{nameof(NovaClientOptions)}.{nameof(Token)} must be a function that returns a token.");
}
