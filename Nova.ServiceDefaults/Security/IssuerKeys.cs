using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Nova.ServiceDefaults.Security;

/// <summary>
/// An issuer's public keys, fetched and kept. However many tokens name a key that is not known, there is one request at a time and one in
/// <see cref="LeastInterval"/>; keys that were fetched once go on working while the issuer is down (F17).
/// </summary>
internal sealed partial class IssuerKeys(TokenOptions options, TokenValidationParameters rules, HttpMessageHandler transport, TimeProvider time, ILogger logger)
    : IDisposable
{
    public static readonly TimeSpan LeastInterval = TimeSpan.FromSeconds(10);

    /// <summary>A key that the issuer has withdrawn works here this long.</summary>
    private static readonly TimeSpan Freshness = TimeSpan.FromMinutes(10);

    private readonly HttpClient _http = new(transport) { Timeout = TimeSpan.FromSeconds(5), MaxResponseContentBufferSize = 512 * 1024 };
    private readonly Lock _lock = new();
    private volatile IReadOnlyList<VerificationKey>? _keys;
    private Task _fetch = Task.CompletedTask;
    private long? _fetchedAt;

    /// <summary>The keys as last fetched, another list after each fetch. Old ones are fetched again meanwhile.</summary>
    public IReadOnlyList<VerificationKey>? Current()
    {
        _ = Fetch(Freshness);
        return _keys;
    }

    /// <summary>The keys, with the one named if the issuer has it. Waits only where it is not known, or nothing is yet.</summary>
    /// <returns>Null while the issuer has never answered.</returns>
    public async ValueTask<IReadOnlyList<VerificationKey>?> FindAsync(string? keyId, CancellationToken cancellationToken)
    {
        if (_keys is { } keys && (keyId is null || keys.Any(key => key.KeyId == keyId)))
        {
            _ = Fetch(Freshness);
            return keys;
        }

        await Fetch(LeastInterval).WaitAsync(cancellationToken);
        return _keys;
    }

    public void Dispose() => _http.Dispose();

    /// <summary>The fetch that is under way, or a new one if the last began that long ago.</summary>
    private Task Fetch(TimeSpan after)
    {
        lock (_lock)
        {
            if (_fetch.IsCompleted && (_fetchedAt is not { } last || time.GetElapsedTime(last) >= after))
            {
                _fetchedAt = time.GetTimestamp();
                _fetch = FetchAsync();
            }

            return _fetch;
        }
    }

    private async Task FetchAsync()
    {
        await Task.Yield(); // Out of the lock.
        try
        {
            var (address, issuer) = await LocateAsync();
            var set = JsonWebKeySet.Create(await GetAsync(address));
            VerificationKey[] keys = [.. set.Keys.Select(key => VerificationKey.Of(key, issuer, rules)).OfType<VerificationKey>()];
            if (keys.Length == 0)
            {
                throw new InvalidOperationException("it has no RSA key of 2,048 bits or more and no P-256 key for signatures");
            }

            _keys = keys;
        }
        catch (Exception exception)
        {
            LogKeysUnavailable(logger, options.KeyAddress!, exception.Message, _keys is null ? "tokens signed with its keys are answered 503" : "the keys known are kept");
        }
    }

    /// <summary>Where the key set is, and whose it is.</summary>
    private async Task<(string Address, string? Issuer)> LocateAsync()
    {
        if (options.DiscoveryAddress is not { } discovery)
        {
            return (options.JwksAddress!, null);
        }

        var document = OpenIdConnectConfiguration.Create(await GetAsync(discovery));
        if (options.Issuers.Any() && !options.Issuers.Contains(document.Issuer))
        {
            throw new InvalidOperationException($"it says that its issuer is {document.Issuer}, which is not accepted here");
        }

        return (document.JwksUri, document.Issuer);
    }

    private Task<string> GetAsync(string address) =>
        ValidateTokenOptions.IsAllowed(address, options.RequireHttpsMetadata)
            ? _http.GetStringAsync(new Uri(address))
            : throw new InvalidOperationException($"{address} is not an https address");

    [LoggerMessage(10, LogLevel.Warning, "KeysUnavailable: {Address}: {Reason}; {Consequence}")]
    private static partial void LogKeysUnavailable(ILogger logger, string address, string reason, string consequence);
}
