using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Nova.ServiceDefaults.Security;

/// <summary>
/// Configuration section <c>Authentication:Schemes:Bearer</c>, with the framework's own keys, so that what <c>dotnet user-jwts</c> writes and what
/// its documentation says holds here. Read by ourselves: the framework takes one signing key per issuer, which rules out rotating it.
/// </summary>
public sealed class TokenOptions
{
    public const string Section = "Authentication:Schemes:Bearer";

    /// <summary>The issuer (<c>iss</c>) of accepted tokens.</summary>
    public string? ValidIssuer { get; set; }

    /// <summary>Further issuers of accepted tokens.</summary>
    public List<string> ValidIssuers { get; } = [];

    /// <summary>The audience (<c>aud</c>) of accepted tokens.</summary>
    public string? ValidAudience { get; set; }

    /// <summary>Further audiences of accepted tokens; a token has one of them.</summary>
    public List<string> ValidAudiences { get; } = [];

    /// <summary>HS256 keys. All of an issuer's are accepted; to rotate, add the new one, sign with it, remove the old one.</summary>
    public List<SigningKeyOptions> SigningKeys { get; } = [];

    /// <summary>An OpenID Connect issuer, whose discovery document says where its RS256 and ES256 keys are.</summary>
    public string? Authority { get; set; }

    /// <summary>The address of the discovery document, where it is not at its usual place below <see cref="Authority"/>.</summary>
    public string? MetadataAddress { get; set; }

    /// <summary>The address of a JSON Web Key Set of RS256 and ES256 keys, for an issuer without discovery.</summary>
    public string? JwksAddress { get; set; }

    /// <summary>Whether the addresses of keys must be https. Turn it off for an issuer on the same machine only.</summary>
    public bool RequireHttpsMetadata { get; set; } = true;

    /// <summary>Values from files, such as Kubernetes' secrets, often end in a line break.</summary>
    internal void Trim()
    {
        (ValidIssuer, ValidAudience) = (ValidIssuer?.Trim(), ValidAudience?.Trim());
        (Authority, MetadataAddress, JwksAddress) = (Authority?.Trim(), MetadataAddress?.Trim(), JwksAddress?.Trim());
        foreach (var list in new[] { ValidIssuers, ValidAudiences })
        {
            for (var i = 0; i < list.Count; i++)
            {
                list[i] = list[i].Trim();
            }
        }

        foreach (var key in SigningKeys)
        {
            (key.Id, key.Issuer, key.Value) = (key.Id?.Trim(), key.Issuer?.Trim(), key.Value?.Trim());
        }
    }

    public IEnumerable<string> Issuers => ValidIssuers.Append(ValidIssuer).OfType<string>().Where(issuer => issuer.Length > 0).Distinct();

    public IEnumerable<string> Audiences => ValidAudiences.Append(ValidAudience).OfType<string>().Where(audience => audience.Length > 0).Distinct();

    /// <summary>Those of <see cref="SigningKeys"/> that belong to an accepted issuer.</summary>
    public IEnumerable<SigningKeyOptions> UsedSigningKeys => SigningKeys.Where(key => key.Issuer is null || Issuers.Contains(key.Issuer));

    public string? DiscoveryAddress =>
        MetadataAddress is { Length: > 0 } ? MetadataAddress
        : Authority is { Length: > 0 } ? $"{Authority.TrimEnd('/')}/.well-known/openid-configuration"
        : null;

    /// <summary>Where public keys come from, if from anywhere.</summary>
    public string? KeyAddress => DiscoveryAddress ?? (JwksAddress is { Length: > 0 } ? JwksAddress : null);
}

/// <summary>An HS256 key.</summary>
public sealed class SigningKeyOptions
{
    /// <summary>RFC 7518 3.2: an HS256 key is at least as long as its hash.</summary>
    private const int MinimumBytes = 32;

    /// <summary>What a development key begins with: whoever copies one into production is told.</summary>
    private static ReadOnlySpan<byte> DevelopmentMark => "nova-development"u8;

    /// <summary>The key's name (<c>kid</c>), where its tokens carry one.</summary>
    public string? Id { get; set; }

    /// <summary>The issuer (<c>iss</c>) of the key's tokens; where it is missing, any accepted one.</summary>
    public string? Issuer { get; set; }

    /// <summary>The HS256 key: base64 of 32 random bytes or more.</summary>
    public string? Value { get; set; }

    /// <summary>A new random key that nothing but Development accepts.</summary>
    public static string NewDevelopmentKey() =>
        Convert.ToBase64String([.. DevelopmentMark, .. System.Security.Cryptography.RandomNumberGenerator.GetBytes(MinimumBytes)]);

    internal byte[] Bytes => Convert.FromBase64String(Value!);

    /// <summary>What is wrong with it, if anything.</summary>
    internal string? FindError(bool isDevelopment)
    {
        var bytes = new byte[Value?.Length ?? 0];
        return !Convert.TryFromBase64String(Value ?? "", bytes, out var length) || length < MinimumBytes ? $"must be base64 of at least {MinimumBytes} bytes"
            : bytes.AsSpan(0, length).IndexOfAnyExcept(bytes[0]) < 0 ? "must be random; it is one byte over and over"
            : !isDevelopment && bytes.AsSpan().StartsWith(DevelopmentMark)
                ? "is a development key, made by Nova.Standalone; outside Development use one of your own (openssl rand -base64 32)"
            : null;
    }
}

internal sealed class ValidateTokenOptions(IHostEnvironment environment) : IValidateOptions<TokenOptions>
{
    public ValidateOptionsResult Validate(string? name, TokenOptions options)
    {
        const string Section = TokenOptions.Section;
        var variable = Section.Replace(":", "__");
        List<string> errors = [];
        if (!options.Issuers.Any() && options.DiscoveryAddress is null)
        {
            errors.Add($"{Section}:ValidIssuer is missing: the issuer (iss) of accepted tokens.");
        }

        if (!options.Audiences.Any())
        {
            errors.Add($"{Section}:ValidAudiences is missing: the audiences (aud) of accepted tokens. (In the environment: {variable}__ValidAudiences__0.)");
        }

        if (options.KeyAddress is null && !options.UsedSigningKeys.Any())
        {
            errors.Add($"{Section}:SigningKeys is missing: an HS256 key whose Issuer is ValidIssuer, as `dotnet user-jwts create` writes it; "
                + $"or set {Section}:Authority to an OpenID Connect issuer, or {Section}:JwksAddress to its key set. "
                + $"(In the environment: {variable}__SigningKeys__0__Issuer and {variable}__SigningKeys__0__Value.)");
        }

        for (var i = 0; i < options.SigningKeys.Count; i++)
        {
            if (options.SigningKeys[i].FindError(environment.IsDevelopment()) is { } error)
            {
                errors.Add($"{Section}:SigningKeys:{i}:Value {error}.");
            }
        }

        if (options.KeyAddress is { } address && !IsAllowed(address, options.RequireHttpsMetadata))
        {
            errors.Add($"{Section}:{(options.DiscoveryAddress is null ? "JwksAddress" : "Authority")} must be an https address; it is {address}. "
                + $"For an issuer on this machine set {Section}:RequireHttpsMetadata to false.");
        }

        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }

    internal static bool IsAllowed(string address, bool requireHttps) =>
        Uri.TryCreate(address, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttps || (!requireHttps && uri.Scheme == Uri.UriSchemeHttp));
}
