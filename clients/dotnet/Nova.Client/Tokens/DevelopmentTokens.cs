using System.Net.Http.Json;
using Nova.Client.Publishing;
using Nova.Client.Tokens;

namespace Nova.Client;

/// <summary>Tokens of a Nova that runs in Development on this machine. Elsewhere your own server makes them.</summary>
public static class DevelopmentTokens
{
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(10) };

    /// <param name="gateway">Its address.</param>
    /// <param name="sub">Who it is for.</param>
    /// <param name="role"><c>viewer</c>, <c>broadcaster</c> or <c>operator</c>.</param>
    /// <param name="streams">Only for these streams; null is every public one.</param>
    /// <param name="lifetime">An hour by default, a week at most.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="NovaApiException">Nova does not run in Development, or the call is wrong.</exception>
    public static async Task<string> CreateAsync(
        Uri gateway, string sub, string role = "viewer", IReadOnlyList<Guid>? streams = null, TimeSpan? lifetime = null, CancellationToken cancellationToken = default)
    {
        var request = new DevelopmentTokenRequest(sub, role, streams, (int?)lifetime?.TotalSeconds);
        using var answer = await Http.PostAsJsonAsync(new Uri(gateway, "/dev/tokens"), request, NovaClientJson.Default.DevelopmentTokenRequest, cancellationToken);
        if (!answer.IsSuccessStatusCode)
        {
            throw await Problem.ToExceptionAsync(answer, cancellationToken);
        }

        return (await answer.Content.ReadFromJsonAsync(NovaClientJson.Default.DevelopmentToken, cancellationToken))!.Token;
    }

    /// <summary>The same as a provider for <see cref="NovaClientOptions.Token"/>.</summary>
    public static Func<CancellationToken, ValueTask<string>> Of(Uri gateway, string sub, string role = "viewer", TimeSpan? lifetime = null) =>
        async cancellationToken => await CreateAsync(gateway, sub, role, null, lifetime, cancellationToken);
}
