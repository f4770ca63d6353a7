using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Nova.Standalone;
using Nova.Tests.Contracts;

namespace Nova.Tests.Support;

/// <summary>A client of Nova: the REST APIs through the first gateway, and the addresses of all gateways.</summary>
/// <param name="gateways">Addresses to use in place of the stack's gateways, such as those of proxies.</param>
public sealed class Api(NovaStack stack, IReadOnlyList<Uri>? gateways = null)
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    /// <summary>Was: a 409 had two members named status, and readers took one or the other.</summary>
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    private readonly HttpClient _http = new() { BaseAddress = (gateways ?? stack.Gateways)[0], Timeout = Patience };

    public NovaStack Stack => stack;

    public IReadOnlyList<Uri> Gateways => gateways ?? stack.Gateways;

    public async Task<string> TokenAsync(string sub = "viewer", string role = "viewer", string[]? streams = null, int ttlSeconds = 600)
    {
        using var response = await _http.PostAsJsonAsync("/dev/tokens", new { sub, role, streams, ttl_seconds = ttlSeconds });
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("token").GetString()!;
    }

    /// <param name="body">JSON text; null for an empty body.</param>
    public async Task<Answer> SendAsync(
        HttpMethod method, string path, string? body, string? token, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        if (token is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        }

        using var response = await _http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        var answer = text.Length == 0 ? default : JsonElement.Parse(text, Strict);
        RestContract.Instance.Check(method, path, response.StatusCode, text.Length == 0 ? null : response.Content.Headers.ContentType?.MediaType, answer);
        return new Answer(
            response.StatusCode,
            answer,
            response.Headers.Concat(response.Content.Headers).ToDictionary(
                header => header.Key, header => string.Join(",", header.Value), StringComparer.OrdinalIgnoreCase));
    }

    /// <summary>Creates a scheduled stream with a new broadcaster.</summary>
    public async Task<TestStream> CreateStreamAsync(string visibility = "public", string title = "A test", string description = "")
    {
        var broadcaster = $"broadcaster-{Guid.CreateVersion7():N}";
        var token = await TokenAsync(broadcaster, "broadcaster");
        var created = await SendAsync(
            HttpMethod.Post, "/api/v1/streams",
            JsonSerializer.Serialize(new { title, description, visibility, broadcaster_name = "Tester" }), token);
        Assert.True(created.Status == HttpStatusCode.Created, $"The stream is not created: {created.Status}, {created.Body}");
        return new TestStream(this, created.Body.GetProperty("stream_id").GetString()!, broadcaster, token);
    }

    /// <summary>Creates and starts a stream.</summary>
    public async Task<TestStream> StartStreamAsync(string start = """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""")
    {
        var stream = await CreateStreamAsync();
        await stream.PostAsync("start", start);
        return stream;
    }
}

public sealed record Answer(HttpStatusCode Status, JsonElement Body, IReadOnlyDictionary<string, string> Headers)
{
    public string ErrorCode => Body.GetProperty("error_code").GetString()!;

    public string Text(string name) => Body.GetProperty(name).GetString()!;

    public int Number(string name) => Body.GetProperty(name).GetInt32();
}

/// <summary>A stream with its broadcaster's token.</summary>
public sealed class TestStream(Api api, string id, string broadcaster, string token)
{
    public string Id => id;

    public string Broadcaster => broadcaster;

    public string Token => token;

    public string Path => $"/api/v1/streams/{id}";

    /// <summary>Makes a call and asserts that it succeeds.</summary>
    public async Task<Answer> PostAsync(string call, string body = "{}", params (string Name, string Value)[] headers)
    {
        var answer = await TryPostAsync(call, body, headers);
        Assert.True((int)answer.Status is >= 200 and < 300, $"{call} was answered {answer.Status}: {answer.Body}");
        return answer;
    }

    public Task<Answer> TryPostAsync(string call, string? body = "{}", params (string Name, string Value)[] headers) =>
        api.SendAsync(HttpMethod.Post, $"{Path}/{call}", body, token, headers);

    public Task<Answer> GetAsync() => api.SendAsync(HttpMethod.Get, Path, null, token);

    /// <summary>Connects a viewer to a gateway, by default with a new token.</summary>
    public async Task<Viewer> WatchAsync(int gateway = 0, string? viewerToken = null) =>
        await Viewer.ConnectAsync(api.Gateways[gateway], id, viewerToken ?? await api.TokenAsync($"viewer-{Guid.CreateVersion7():N}"));
}
