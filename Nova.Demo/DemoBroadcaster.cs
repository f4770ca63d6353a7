using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace Nova.Demo;

/// <summary>
/// A simulated broadcast that uses Nova as real clients do: REST calls for the broadcaster, WebSockets for the viewers. The values are made up;
/// their whole path is real.
/// </summary>
public sealed class DemoBroadcaster : IAsyncDisposable
{
    /// <summary>The subject of its tokens, and so the <c>broadcaster_id</c> of its stream.</summary>
    public const string BroadcasterId = "demo-broadcaster";

    private static readonly TimeSpan TickInterval = TimeSpan.FromSeconds(1);

    /// <summary>A trace of the demo begins where the broadcaster's tool decides to call.</summary>
    private static readonly ActivitySource Activities = new("Nova.Demo");

    private const string FirstQuality = "1080p";
    private const int FirstKbps = 5000;

    /// <summary>The qualities in turn. The last one is the initial quality, so that every step is a change.</summary>
    private static readonly (string Quality, int Kbps, int Fps, string Reason)[] Qualities =
    [
        ("720p", 3000, 60, "network_congestion"),
        ("1080p", 5000, 60, "adaptive_bitrate"),
        ("4k", 14_000, 60, "broadcaster_changed"),
        (FirstQuality, FirstKbps, 60, "adaptive_bitrate"),
    ];

    private readonly Uri _gateway;
    private readonly HttpClient _http;
    private readonly CancellationTokenSource _stop = new();
    private readonly string _broadcasterToken;
    private readonly string _viewerToken;
    private readonly string _streamId;
    private readonly DemoAudience _audience;
    private Task _broadcast = Task.CompletedTask;
    private int _kbps = FirstKbps;

    private DemoBroadcaster(IReadOnlyList<Uri> gateways, HttpClient http, string broadcasterToken, string viewerToken, string streamId)
    {
        _gateway = gateways[0];
        _http = http;
        _broadcasterToken = broadcasterToken;
        _viewerToken = viewerToken;
        _streamId = streamId;
        _audience = new DemoAudience(gateways, streamId, viewerToken);
    }

    /// <param name="gateways">The broadcaster calls the first one; each viewer connects to any of them.</param>
    /// <exception cref="HttpRequestException">The gateway cannot be reached or refuses a call.</exception>
    public static async Task<DemoBroadcaster> StartAsync(IReadOnlyList<Uri> gateways, CancellationToken cancellationToken)
    {
        var http = new HttpClient { BaseAddress = gateways[0] };
        var broadcaster = await TokenAsync(http, $$"""{"sub":"{{BroadcasterId}}","role":"broadcaster","ttl_seconds":604800}""", cancellationToken);
        var viewer = await TokenAsync(http, """{"sub":"demo-viewer","ttl_seconds":604800}""", cancellationToken);
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", broadcaster);

        using var created = await http.PostAsync(
            "/api/v1/streams",
            Json("""{"title":"Nova demo: speedrun night","description":"A simulated broadcast","broadcaster_name":"Demo"}"""),
            cancellationToken);
        created.EnsureSuccessStatusCode();
        var id = (await created.Content.ReadFromJsonAsync<JsonElement>(cancellationToken)).GetProperty("stream_id").GetString()!;

        var demo = new DemoBroadcaster(gateways, http, broadcaster, viewer, id);
        await demo.PostAsync("start", $$"""{"quality":"{{FirstQuality}}","fps":60,"bitrate_kbps":{{FirstKbps}}}""", cancellationToken);
        demo._broadcast = demo.BroadcastAsync();
        return demo;
    }

    public string StreamId => _streamId;

    /// <summary>Completes when somebody else has ended the stream.</summary>
    public Task Ended => _broadcast;

    /// <summary>Addresses and commands for a first try, ready to paste.</summary>
    public string Describe()
    {
        var gateway = _gateway.OriginalString;
        return $$"""
              Demo stream   {{_streamId}}
              Watch it      {{gateway}}/#stream={{_streamId}}&token={{_viewerToken}}
              WebSocket     {{gateway.Replace("http", "ws")}}/api/v1/streams/{{_streamId}}/ws?token={{_viewerToken}}
              Change it     curl -X POST {{gateway}}/api/v1/streams/{{_streamId}}/quality -H 'Content-Type: application/json' -d '{"new_quality":"720p","new_bitrate_kbps":2500,"reason":"broadcaster_changed"}' -H 'Authorization: Bearer {{_broadcasterToken}}'
            """;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _broadcast;
        await _audience.DisposeAsync();
        try
        {
            await PostAsync("end", "{}", CancellationToken.None);
        }
        catch (HttpRequestException)
        {
            // The user ended the stream with the token printed above.
        }

        _http.Dispose();
        _stop.Dispose();
    }

    private async Task BroadcastAsync()
    {
        for (var second = 1; !_stop.IsCancellationRequested; second++)
        {
            try
            {
                await TickAsync(second);
                _audience.ChangeSize();
            }
            catch (HttpRequestException exception) when (exception.StatusCode is HttpStatusCode.Conflict or HttpStatusCode.NotFound)
            {
                return; // Somebody ended the stream.
            }
            catch (HttpRequestException)
            {
                // A service restarts. A failing demo must not stop Nova.
            }
            catch (OperationCanceledException)
            {
            }

            await Task.Delay(TickInterval, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task TickAsync(int second)
    {
        await PostAsync("bitrate", $$"""{"current_bitrate_kbps":{{_kbps * Random.Shared.Next(55, 115) / 100}}}""", _stop.Token);
        if (second % 5 == 0)
        {
            await PostAsync("heartbeat", "", _stop.Token);
        }

        if (second % 20 == 0)
        {
            var (quality, kbps, fps, reason) = QualityAfter(second / 20);
            _kbps = kbps;
            await PostAsync("quality", $$"""{"new_quality":"{{quality}}","new_bitrate_kbps":{{kbps}},"fps":{{fps}},"reason":"{{reason}}"}""", _stop.Token);
        }

        if (second % 50 == 0)
        {
            await PostAsync(
                "error",
                """
                {"error_code":"BUFFER_OVERFLOW","error_message":"The ingest buffer overflowed for a moment","severity":"warning","recoverable":true,"suggested_action":"None, playback goes on"}
                """,
                _stop.Token);
        }
    }

    /// <param name="changes">Number of changes so far.</param>
    internal static (string Quality, int Kbps, int Fps, string Reason) QualityAfter(int changes) =>
        changes == 0 ? (FirstQuality, FirstKbps, 60, "") : Qualities[(changes - 1) % Qualities.Length];

    private async Task PostAsync(string call, string body, CancellationToken cancellationToken)
    {
        using var activity = Activities.StartActivity($"broadcaster {call}");
        using var response = await _http.PostAsync($"/api/v1/streams/{_streamId}/{call}", body.Length == 0 ? null : Json(body), cancellationToken);
        response.EnsureSuccessStatusCode();
    }

    private static async Task<string> TokenAsync(HttpClient http, string request, CancellationToken cancellationToken)
    {
        using var response = await http.PostAsync("/dev/tokens", Json(request), cancellationToken);
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync<JsonElement>(cancellationToken)).GetProperty("token").GetString()!;
    }

    private static StringContent Json(string body) => new(body, System.Text.Encoding.UTF8, "application/json");
}
