using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Nova.ServiceDefaults.Security;

/// <summary>
/// Says whose token it is, if it is to be trusted (PROTOCOL.md 3.1). The one place that decides it: REST calls, upgrades and tokens that open
/// sockets are renewed with all come here.
/// </summary>
public sealed class TokenValidator : IDisposable
{
    /// <summary>Clocks may differ that much. The library's own 300 s would honour long-expired tokens (S29).</summary>
    public static readonly TimeSpan Leeway = TimeSpan.FromSeconds(30);

    /// <summary>No longer request line or header gets through Kestrel either.</summary>
    public const int MaxTokenLength = 8192;

    /// <summary>A broadcaster sends the same token every second, and its signature takes 20 µs.</summary>
    private static readonly TimeSpan TrustedFor = TimeSpan.FromMinutes(1);

    /// <summary>Of 8 KB each at most: 80 MB.</summary>
    private const int MaxTrusted = 10_000;

    private readonly MemoryCache _trusted = new(new MemoryCacheOptions { SizeLimit = MaxTrusted });
    private readonly JsonWebTokenHandler _handler = new();
    private readonly TimeProvider _time;
    private readonly HashSet<string> _issuers;
    private readonly VerificationKey[] _ownKeys;
    private readonly IssuerKeys? _issuerKeys;

    public TokenValidator(IOptions<TokenOptions> options, TimeProvider time, ILogger<TokenValidator> logger)
        : this(options.Value, new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(3) }, time, logger)
    {
    }

    internal TokenValidator(TokenOptions options, HttpMessageHandler transport, TimeProvider time, ILogger logger)
    {
        _time = time;
        _issuers = [.. options.Issuers];
        var rules = new TokenValidationParameters
        {
            ClockSkew = Leeway,
            RequireExpirationTime = true,
            RequireSignedTokens = true,
            TryAllIssuerSigningKeys = true, // Each has one key, which was chosen before.
            ValidIssuers = [.. options.Issuers],
            ValidAudiences = [.. options.Audiences],
        };
        _ownKeys = [.. options.UsedSigningKeys.Select(key => VerificationKey.Of(key, rules))];
        _issuerKeys = options.KeyAddress is null ? null : new IssuerKeys(options, rules, transport, time, logger);
    }

    /// <returns>The caller, or why it is none.</returns>
    public async ValueTask<(Caller? Caller, TokenRefusal? Refusal)> ValidateAsync(string token, CancellationToken cancellationToken)
    {
        var keys = _issuerKeys?.Current();
        if (_trusted.TryGetValue(token, out Trusted? trusted) && trusted!.Caller.ExpiresAt + Leeway > _time.GetUtcNow() && trusted.Keys == keys)
        {
            return (trusted.Caller, null);
        }

        var (caller, refusal) = await JudgeAsync(token, cancellationToken);
        if (caller is not null)
        {
            _ = _trusted.Set(token, new Trusted(caller, _issuerKeys?.Current()), new MemoryCacheEntryOptions { AbsoluteExpirationRelativeToNow = TrustedFor, Size = 1 });
        }

        return (caller, refusal);
    }

    public void Dispose()
    {
        _issuerKeys?.Dispose();
        _trusted.Dispose();
    }

    private async ValueTask<(Caller? Caller, TokenRefusal? Refusal)> JudgeAsync(string token, CancellationToken cancellationToken)
    {
        if (Read(token) is not { } jwt)
        {
            return (null, TokenRefusal.Invalid);
        }

        if (await FindKeysAsync(jwt, cancellationToken) is not { } keys)
        {
            return (null, TokenRefusal.KeysUnavailable);
        }

        if (keys.Count == 0)
        {
            return (null, _issuers.Count > 0 && !_issuers.Contains(jwt.Issuer ?? "") ? TokenRefusal.Issuer : TokenRefusal.Invalid);
        }

        var refusal = TokenRefusal.Invalid;
        foreach (var key in keys)
        {
            var result = await _handler.ValidateTokenAsync(jwt, key.Parameters);
            if (result.IsValid)
            {
                return ReadClaims(jwt);
            }

            // Of several keys, the one that the signature fits has the say.
            refusal = result.Exception is SecurityTokenInvalidSignatureException ? refusal : TokenRefusal.Of(result.Exception);
        }

        return (null, refusal);
    }

    /// <returns>Null for what is no signed JWT, or asks to be understood in ways that Nova does not know (RFC 7515 4.1.11).</returns>
    private static JsonWebToken? Read(string token)
    {
        if (token.Length > MaxTokenLength)
        {
            return null;
        }

        try
        {
            var jwt = new JsonWebToken(token);
            return jwt.IsSigned && !jwt.IsEncrypted && !jwt.TryGetHeaderValue<object>("crit", out _) ? jwt : null;
        }
        catch (Exception exception) when (exception is ArgumentException or SecurityTokenException or FormatException or System.Text.Json.JsonException)
        {
            return null;
        }
    }

    /// <returns>The keys that may have signed it; null where that cannot be found out now.</returns>
    private async ValueTask<IReadOnlyCollection<VerificationKey>?> FindKeysAsync(JsonWebToken jwt, CancellationToken cancellationToken)
    {
        var (issuer, algorithm, keyId) = (jwt.Issuer ?? "", jwt.Alg ?? "", string.IsNullOrEmpty(jwt.Kid) ? null : jwt.Kid);
        if (algorithm == SecurityAlgorithms.HmacSha256)
        {
            // A key id is a hint here: keys are few, and those of `dotnet user-jwts` have ids that its tokens do not name.
            var own = _ownKeys.Where(key => key.Fits(issuer, algorithm, keyId: null)).ToList();
            return own.Exists(key => key.KeyId == keyId) ? own.FindAll(key => key.KeyId == keyId) : own;
        }

        if (_issuerKeys is null || algorithm is not (SecurityAlgorithms.RsaSha256 or SecurityAlgorithms.EcdsaSha256))
        {
            return [];
        }

        var keys = await _issuerKeys.FindAsync(keyId, cancellationToken);
        return keys?.Where(key => key.Fits(issuer, algorithm, keyId)).ToList();
    }

    private (Caller? Caller, TokenRefusal? Refusal) ReadClaims(JsonWebToken jwt)
    {
        try
        {
            return (Caller.From(jwt, _time.GetUtcNow() + Leeway), null);
        }
        catch (FormatException malformed)
        {
            return (null, TokenRefusal.Claims(malformed.Message));
        }
        catch (InvalidOperationException)
        {
            return (null, TokenRefusal.Claims("a claim holds text that is not valid Unicode")); // \ud800 on its own
        }
    }

    /// <param name="Keys">The issuer's keys it was judged by: with other keys it is judged anew.</param>
    private sealed record Trusted(Caller Caller, IReadOnlyList<VerificationKey>? Keys);
}
