using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Serialization;

namespace Nova.AppHost;

/// <summary>The gateway's public API, as far as the dashboard's commands use it. Tokens come from <c>/dev/tokens</c>, which exists in Development.</summary>
internal sealed class GatewayClient(string address) : IDisposable
{
    private readonly HttpClient _http = new() { BaseAddress = new Uri(address), Timeout = TimeSpan.FromSeconds(10) };

    public string Address => address;

    public string PageOf(string streamId) => $"{address}/#stream={streamId}";

    public async Task<string> TokenAsync(string sub, string role, CancellationToken cancellationToken, string? streamId = null, int? lifetimeSeconds = null)
    {
        var token = await SendAsync<TokenAnswer>(
            HttpMethod.Post, "/dev/tokens", new { sub, role, streams = streamId is null ? null : new[] { streamId }, ttl_seconds = lifetimeSeconds }, null, cancellationToken);
        return token.Token;
    }

    public async Task<IReadOnlyList<StreamAnswer>> ActiveStreamsAsync(CancellationToken cancellationToken) =>
        (await SendAsync<StreamsAnswer>(
            HttpMethod.Get, "/api/v1/streams?status=active&limit=200", null, await TokenAsync("dashboard", "operator", cancellationToken), cancellationToken)).Streams;

    public async Task<StreamAnswer> CreateAsync(string title, string broadcaster, CancellationToken cancellationToken) => await SendAsync<StreamAnswer>(
        HttpMethod.Post, "/api/v1/streams", new { title, broadcaster_name = broadcaster }, await TokenAsync(broadcaster, "broadcaster", cancellationToken), cancellationToken);

    /// <summary>Changes a stream as an operator, who may change everybody's.</summary>
    public async Task ChangeAsync(HttpMethod method, string streamId, string call, object? body, CancellationToken cancellationToken)
    {
        var token = await TokenAsync("dashboard", "operator", cancellationToken);
        using var response = await SendAsync(method, $"/api/v1/streams/{Uri.EscapeDataString(streamId)}/{call}", body, token, cancellationToken);
    }

    public void Dispose() => _http.Dispose();

    private async Task<T> SendAsync<T>(HttpMethod method, string path, object? body, string? token, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(method, path, body, token, cancellationToken);
        return (await response.Content.ReadFromJsonAsync<T>(cancellationToken))!;
    }

    /// <exception cref="GatewayRefusedException">With the gateway's own sentence.</exception>
    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, object? body, string? token, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        var response = await _http.SendAsync(request, cancellationToken);
        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        using (response)
        {
            var isProblem = response.Content.Headers.ContentType?.MediaType == "application/problem+json";
            var problem = isProblem ? await response.Content.ReadFromJsonAsync<ProblemAnswer>(cancellationToken) : null;
            var fields = problem?.Errors?.Select(error => $"{error.Key} {string.Join(", ", error.Value)}") ?? [];
            throw new GatewayRefusedException($"The gateway answered {(int)response.StatusCode}: {string.Join("; ", fields.DefaultIfEmpty(problem?.Detail ?? problem?.Title ?? response.ReasonPhrase))}");
        }
    }

    internal sealed record StreamAnswer(
        [property: JsonPropertyName("stream_id")] string Id, string Title, [property: JsonPropertyName("broadcaster_id")] string BroadcasterId);

    private sealed record StreamsAnswer(IReadOnlyList<StreamAnswer> Streams);

    private sealed record TokenAnswer(string Token);

    private sealed record ProblemAnswer(string? Title, string? Detail, IReadOnlyDictionary<string, string[]>? Errors);
}

internal sealed class GatewayRefusedException(string message) : Exception(message);
