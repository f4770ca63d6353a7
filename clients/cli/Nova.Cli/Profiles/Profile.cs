using System.Text.Json.Serialization;
using Nova.Client;

namespace Nova.Cli.Profiles;

/// <summary>One environment: where its Nova is, and how tokens for it are had.</summary>
internal sealed record Profile
{
    /// <summary>A Nova that <c>dotnet run</c> started on this machine.</summary>
    public static readonly Profile Local = new() { Address = new Uri("http://127.0.0.1:8080"), Kind = TokenKind.Development };

    public required Uri Address { get; init; }

    public TokenKind Kind { get; init; }

    /// <summary>With <see cref="TokenKind.Fixed"/>.</summary>
    public string? Token { get; init; }

    /// <summary>With <see cref="TokenKind.Key"/>: HS256, in base64, as <c>Authentication:Schemes:Bearer:SigningKeys</c> has it.</summary>
    public string? SigningKey { get; init; }

    public string? KeyId { get; init; }

    public string Issuer { get; init; } = "";

    public string Audience { get; init; } = "nova";

    /// <summary>A token for a role. One that was given once serves for every role: Nova says where it does not suffice.</summary>
    public async Task<string> TokenAsync(TokenClaims claims, CancellationToken cancellationToken) => Kind switch
    {
        TokenKind.Fixed => Token!,
        TokenKind.Key => TokenMint.Sign(this, claims),
        _ => await DevelopmentTokens.CreateAsync(Address, claims.Sub, claims.Role, claims.Streams, claims.Lifetime, cancellationToken),
    };

    public NovaClientOptions ClientOptions(string role, TimeSpan? retryFor = null) => new()
    {
        Address = Address,
        Token = async cancellationToken => await TokenAsync(new TokenClaims("nova-cli", role), cancellationToken),
        RetryFor = retryFor ?? TimeSpan.FromSeconds(5),
    };
}

[JsonConverter(typeof(JsonStringEnumConverter<TokenKind>))]
internal enum TokenKind
{
    /// <summary>From <c>/dev/tokens</c>, for a Nova in Development on this machine.</summary>
    Development,

    /// <summary>One that somebody else made.</summary>
    Fixed,

    /// <summary>Signed here with Nova's own key.</summary>
    Key,
}

/// <param name="Streams">Only for these; null is every public one.</param>
internal sealed record TokenClaims(string Sub, string Role, IReadOnlyList<Guid>? Streams = null, TimeSpan? Lifetime = null, string? ViewerId = null);
