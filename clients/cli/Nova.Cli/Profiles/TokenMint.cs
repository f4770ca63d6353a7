using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Nova.Cli.Profiles;

/// <summary>Signs tokens with the key that a Nova is configured with: what an operator's own server does, and the only way in Production.</summary>
internal static class TokenMint
{
    private static readonly TimeSpan DefaultLifetime = TimeSpan.FromHours(1);

    /// <summary>Nova itself demands 32 bytes for HS256.</summary>
    private const int LeastKeyBytes = 32;

    public static string Sign(Profile profile, TokenClaims claims)
    {
        var now = DateTime.UtcNow;
        var values = new Dictionary<string, object> { ["sub"] = claims.Sub, ["role"] = claims.Role };
        if (claims.Streams is { } streams)
        {
            values["streams"] = streams.Select(id => id.ToString()).ToArray();
        }

        if (claims.ViewerId is { } viewerId)
        {
            values["viewer_id"] = viewerId;
        }

        return new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = profile.Issuer,
            Audience = profile.Audience,
            IssuedAt = now,
            Expires = now + (claims.Lifetime ?? DefaultLifetime),
            Claims = values,
            SigningCredentials = new SigningCredentials(new SymmetricSecurityKey(KeyBytes(profile.SigningKey!)) { KeyId = profile.KeyId }, SecurityAlgorithms.HmacSha256),
        });
    }

    /// <exception cref="UsageException">It is no base64 of at least 32 bytes.</exception>
    public static byte[] KeyBytes(string key)
    {
        var bytes = new byte[key.Length];
        return Convert.TryFromBase64String(key, bytes, out var length) && length >= LeastKeyBytes ? bytes[..length]
            : throw new UsageException($"The signing key must be base64 of at least {LeastKeyBytes} bytes, as Authentication:Schemes:Bearer:SigningKeys:0:Value has it. Make one: openssl rand -base64 32");
    }
}
