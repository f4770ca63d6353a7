using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Nova.LoadTest.Systems.Nova;

/// <summary>A live stream.</summary>
/// <param name="Version">Version after the start; events that bypass StreamState continue from it.</param>
internal readonly record struct LiveStream(Guid Id, long Version);

/// <summary>The REST API through a gateway, with an operator's token.</summary>
internal sealed class NovaApi : IDisposable
{
    private readonly HttpClient _http;

    public NovaApi(int gatewayPort, string operatorToken)
    {
        _http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{gatewayPort}/api/v1/") };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", operatorToken);
    }

    public async Task<LiveStream> StartStreamAsync(CancellationToken cancellationToken)
    {
        using var created = await PostAsync("streams", """{"title":"Load test"}""", cancellationToken);
        var id = created.RootElement.GetProperty("stream_id").GetGuid();
        using var started = await PostAsync($"streams/{id}/start", """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""", cancellationToken);
        return new LiveStream(id, started.RootElement.GetProperty("version").GetInt64());
    }

    public async Task ChangeQualityAsync(Guid stream, string body, CancellationToken cancellationToken) =>
        (await PostAsync($"streams/{stream}/quality", body, cancellationToken)).Dispose();

    /// <summary>Reads the whole answer.</summary>
    public async Task GetAsync(string path, CancellationToken cancellationToken)
    {
        using var response = await _http.GetAsync(path, cancellationToken);
        if (!response.IsSuccessStatusCode)
        {
            throw new LoadTestException($"GET {path} was answered {(int)response.StatusCode}: {await response.Content.ReadAsStringAsync(cancellationToken)}");
        }
    }

    /// <param name="onSome">Called every 10,000 lines.</param>
    public async Task<long> CountLinesAsync(string path, Action onSome, CancellationToken cancellationToken)
    {
        using var response = await _http.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        using var lines = new StreamReader(await response.EnsureSuccessStatusCode().Content.ReadAsStreamAsync(cancellationToken));
        var count = 0L;
        while (await lines.ReadLineAsync(cancellationToken) is not null)
        {
            if (++count % 10_000 == 0)
            {
                onSome();
            }
        }

        return count;
    }

    public void Dispose() => _http.Dispose();

    private async Task<JsonDocument> PostAsync(string path, string body, CancellationToken cancellationToken)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await _http.PostAsync(path, content, cancellationToken);
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        return response.IsSuccessStatusCode
            ? JsonDocument.Parse(text)
            : throw new LoadTestException($"POST {path} was answered {(int)response.StatusCode}: {text}");
    }
}
