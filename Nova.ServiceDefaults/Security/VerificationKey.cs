using Microsoft.IdentityModel.Tokens;

namespace Nova.ServiceDefaults.Security;

/// <summary>
/// A key that tokens may be signed with. One key type has one algorithm and nothing else: a public RSA key is never taken for an HMAC secret,
/// whatever a token's header says (F13).
/// </summary>
internal sealed class VerificationKey
{
    private const int MinimumRsaBits = 2048;
    private const string P256 = "P-256";

    private VerificationKey(SecurityKey key, string algorithm, string? issuer, TokenValidationParameters rules)
    {
        KeyId = string.IsNullOrEmpty(key.KeyId) ? null : key.KeyId;
        Algorithm = algorithm;
        Issuer = issuer;
        Parameters = rules.Clone();
        Parameters.IssuerSigningKey = key;
        Parameters.ValidAlgorithms = [algorithm];
        if (issuer is not null)
        {
            Parameters.ValidIssuers = [issuer];
        }
    }

    public string? KeyId { get; }

    public string Algorithm { get; }

    /// <summary>Whose key it is; null: any accepted issuer's.</summary>
    public string? Issuer { get; }

    public TokenValidationParameters Parameters { get; }

    public static VerificationKey Of(SigningKeyOptions key, TokenValidationParameters rules) =>
        new(new SymmetricSecurityKey(key.Bytes) { KeyId = key.Id }, SecurityAlgorithms.HmacSha256, key.Issuer, rules);

    /// <returns>Null for a key that is no signing key, or too weak: symmetric, short RSA, another curve than P-256.</returns>
    public static VerificationKey? Of(JsonWebKey key, string? issuer, TokenValidationParameters rules)
    {
        if (key.Use is { Length: > 0 } and not JsonWebKeyUseNames.Sig)
        {
            return null;
        }

        var algorithm = key.Kty switch
        {
            JsonWebAlgorithmsKeyTypes.RSA when key.KeySize >= MinimumRsaBits => SecurityAlgorithms.RsaSha256,
            JsonWebAlgorithmsKeyTypes.EllipticCurve when key.Crv == P256 => SecurityAlgorithms.EcdsaSha256,
            _ => null,
        };
        return algorithm is null ? null : new VerificationKey(key, algorithm, issuer, rules);
    }

    /// <summary>Whether a token that names this issuer, algorithm and key id may have been signed with it.</summary>
    public bool Fits(string issuer, string algorithm, string? keyId) =>
        Algorithm == algorithm && (Issuer is null || Issuer == issuer) && (keyId is null || KeyId is null || KeyId == keyId);
}
