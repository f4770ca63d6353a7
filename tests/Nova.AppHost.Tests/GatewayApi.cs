using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Nova.AppHost.Tests;

/// <summary>The public API through the address that both gateways share.</summary>
/// <param name="tokens">Makes a token for a role, where Nova hands out none.</param>
public sealed class GatewayApi(Uri gateway, Func<string, string>? tokens = null)
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly HttpClient _http = new() { BaseAddress = gateway, Timeout = Patience };

    public async Task<string> TokenAsync(string role)
    {
        if (tokens is not null)
        {
            return tokens(role);
        }

        using var response = await _http.PostAsJsonAsync("/dev/tokens", new { sub = role, role });
        return (await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>()).GetProperty("token").GetString()!;
    }

    /// <summary>Creates and starts a stream.</summary>
    public async Task<string> StartStreamAsync()
    {
        var id = (await SendAsync(HttpMethod.Post, "/api/v1/streams", """{"title":"distributed"}""", "broadcaster")).GetProperty("stream_id").GetString()!;
        await ChangeAsync(id, "start", """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""");
        return id;
    }

    public Task<JsonElement> ChangeAsync(string id, string call, string body, string? traceParent = null) =>
        SendAsync(HttpMethod.Post, $"/api/v1/streams/{id}/{call}", body, "broadcaster", traceParent);

    public Task<JsonElement> ChangeQualityAsync(string id, int kbps, string? traceParent = null) =>
        ChangeAsync(id, "quality", $$"""{"new_quality":"720p","new_bitrate_kbps":{{kbps}},"reason":"adaptive_bitrate"}""", traceParent);

    public async Task<Viewer> WatchAsync(string id) => await Viewer.ConnectAsync(gateway, id, await TokenAsync("viewer"));

    public async Task<JsonElement> SendAsync(HttpMethod method, string path, string? body, string role, string? traceParent = null)
    {
        using var request = new HttpRequestMessage(method, path) { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", await TokenAsync(role)) } };
        request.Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json");
        if (traceParent is not null)
        {
            request.Headers.Add("traceparent", traceParent);
        }

        using var response = await _http.SendAsync(request);
        return await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>();
    }

    /// <summary>Calls until it succeeds, as clients do while a service is restarted.</summary>
    public static async Task<T> EventuallyAsync<T>(Func<Task<T>> call, string what)
    {
        using var deadline = new CancellationTokenSource(Patience);
        while (true)
        {
            try
            {
                return await call();
            }
            catch (HttpRequestException exception) when (!deadline.IsCancellationRequested)
            {
                await Task.Delay(200, CancellationToken.None);
                Assert.False(deadline.IsCancellationRequested, $"{what}: {exception.Message}");
            }
        }
    }
}
