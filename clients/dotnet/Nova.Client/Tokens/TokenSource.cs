using System.Text.Json;

namespace Nova.Client.Tokens;

/// <summary>Keeps the token at hand while it lives. Several callers at once share one call of the provider.</summary>
internal sealed class TokenSource(Func<CancellationToken, ValueTask<string>> provider, TimeProvider time) : IDisposable
{
    /// <summary>A token with less life than this is not used for a new call.</summary>
    private static readonly TimeSpan Spare = TimeSpan.FromSeconds(30);

    /// <summary>Nova takes six refreshes a minute: a provider that returns the same token again and again stays below that.</summary>
    private static readonly TimeSpan LeastRefresh = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan ProviderTimeout = TimeSpan.FromSeconds(15);

    private readonly SemaphoreSlim _turn = new(1);
    private string? _token;

    public Task<string> GetAsync(CancellationToken cancellationToken) => GetAsync(isNew: false, cancellationToken);

    /// <summary>Where the provider fails, the old one stays: it may be good for a while.</summary>
    public Task<string> RenewAsync(CancellationToken cancellationToken) => GetAsync(isNew: true, cancellationToken);

    /// <summary>Nova refused it: the next call asks the provider.</summary>
    public void Forget() => _token = null;

    /// <summary>Half to three quarters of its life from now, so that many who came together do not ask together; null where its end cannot be read.</summary>
    public TimeSpan? UntilRefresh()
    {
        if (_token is not { } token || ExpiresAt(token) is var end && end == DateTimeOffset.MaxValue)
        {
            return null;
        }

        var wait = (end - time.GetUtcNow()) * (0.5 + (Random.Shared.NextDouble() / 4));
        return wait < LeastRefresh ? LeastRefresh : wait;
    }

    public void Dispose() => _turn.Dispose();

    private async Task<string> GetAsync(bool isNew, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (isNew || _token is not { } token || ExpiresAt(token) - time.GetUtcNow() < Spare)
            {
                _token = token = (await provider(cancellationToken).AsTask().WaitAsync(ProviderTimeout, time, cancellationToken)).Trim();
            }

            return token;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>By the clock of this machine; where that is wrong, Nova's warning and 4401 still come.</summary>
    private static DateTimeOffset ExpiresAt(string token)
    {
        try
        {
            var payload = token.Split('.')[1].Replace('-', '+').Replace('_', '/');
            var json = Convert.FromBase64String(payload.PadRight((payload.Length + 3) / 4 * 4, '='));
            return DateTimeOffset.FromUnixTimeSeconds(JsonElement.Parse(json).GetProperty("exp").GetInt64());
        }
        catch (Exception exception) when (exception is FormatException or JsonException or KeyNotFoundException or InvalidOperationException or IndexOutOfRangeException or ArgumentOutOfRangeException)
        {
            return DateTimeOffset.MaxValue; // Not a JWT, or without exp: it lives until Nova refuses it.
        }
    }
}
