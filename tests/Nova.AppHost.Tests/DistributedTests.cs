using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;

namespace Nova.AppHost.Tests;

/// <summary>
/// The whole application as the AppHost starts it: with containers where <c>NOVA_TEST_CONTAINERS</c> is <c>true</c> (CI with an engine), else with
/// the no-containers profile.
/// </summary>
public sealed class DistributedTests : IAsyncLifetime
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nova-apphost-");
    private DistributedApplication _app = null!;
    private HttpClient _gateway = null!;

    public async ValueTask InitializeAsync()
    {
        if (!OperatingSystem.IsWindows())
        {
            _folder.UnixFileMode |= UnixFileMode.OtherExecute; // Root's tests have their PostgreSQL run by another account.
        }

        string[] arguments = Environment.GetEnvironmentVariable("NOVA_TEST_CONTAINERS") == "true"
            ? []
            : ["--Nova:Infrastructure=Local", $"--Nova:DataFolder={_folder.FullName}", "--Parameters:postgres-password=only-for-this-test"];
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.Nova_AppHost>(arguments);
        _app = await builder.BuildAsync();
        using var timeout = new CancellationTokenSource(StartTimeout);
        await _app.StartAsync(timeout.Token);
        foreach (var service in new[] { "stream-state", "telemetry", "gateway" })
        {
            await _app.ResourceNotifications.WaitForResourceHealthyAsync(service, timeout.Token);
        }

        _gateway = new HttpClient { BaseAddress = _app.GetEndpoint("gateway", "http"), Timeout = Patience };
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Application_Started_DoesWhatItIsFor()
    {
        var broadcaster = await TokenAsync("broadcaster", "b");
        var id = (await PostAsync("/api/v1/streams", """{"title":"distributed"}""", broadcaster)).GetProperty("stream_id").GetString()!;
        await PostAsync($"/api/v1/streams/{id}/start", """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""", broadcaster);

        // Enough viewers that the proxy in front of the two replicas gives each some: all of them are counted, and all hear the change.
        var viewer = await TokenAsync("viewer", "v");
        var viewers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => ConnectAsync(id, viewer)));
        await ReadUntilAsync(viewers[0], message => message.Contains("viewer_count_changed") && message.Contains("\"viewer_count\":6"));
        await PostAsync($"/api/v1/streams/{id}/quality", """{"new_quality":"720p","new_bitrate_kbps":3000,"reason":"adaptive_bitrate"}""", broadcaster);
        foreach (var socket in viewers)
        {
            await ReadUntilAsync(socket, message => message.Contains("quality_changed"));
        }

        await AssertReportArrivesAsync(viewers[0], id);
        foreach (var socket in viewers)
        {
            socket.Dispose();
        }

        await AssertRestartLosesNothingAsync(id, broadcaster);
    }

    private async Task AssertReportArrivesAsync(ClientWebSocket viewer, string id)
    {
        await viewer.SendAsync(
            Encoding.UTF8.GetBytes("""{"event":"report_issue","data":{"issue_type":"lag","severity":"high","report_id":"r","description":"distributed"}}"""),
            WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);
        await ReadUntilAsync(viewer, message => message.Contains("issue_received"));
        var issues = await GetAsync($"/api/v1/issues?stream_id={id}", await TokenAsync("operator", "o"));
        Assert.Equal("distributed", Assert.Single(issues.GetProperty("issues").EnumerateArray()).GetProperty("description").GetString());
    }

    /// <summary>Both replicas of the gateway, and the service with the state, stop and start; the stream is as it was.</summary>
    private async Task AssertRestartLosesNothingAsync(string id, string broadcaster)
    {
        var before = await GetAsync($"/api/v1/streams/{id}", broadcaster);
        foreach (var service in new[] { "gateway", "stream-state" })
        {
            await foreach (var instance in InstancesAsync(service))
            {
                var restarted = await _app.ResourceCommands.ExecuteCommandAsync(instance, KnownResourceCommands.RestartCommand);
                Assert.True(restarted.Success, $"{instance}: {restarted.Message}");
            }

            await _app.ResourceNotifications.WaitForResourceHealthyAsync(service, new CancellationTokenSource(StartTimeout).Token);
        }

        using var deadline = new CancellationTokenSource(StartTimeout);
        while (true)
        {
            using var answer = await SendAsync(HttpMethod.Get, $"/api/v1/streams/{id}", null, broadcaster);
            if (answer.StatusCode == HttpStatusCode.OK)
            {
                var after = await answer.Content.ReadFromJsonAsync<JsonElement>(deadline.Token);
                Assert.Equal(before.GetProperty("version").GetInt32(), after.GetProperty("version").GetInt32());
                Assert.Equal("active", after.GetProperty("status").GetString());
                return;
            }

            await Task.Delay(200, deadline.Token);
        }
    }

    private async IAsyncEnumerable<string> InstancesAsync(string service)
    {
        HashSet<string> seen = [];
        var replicas = service == "gateway" ? 2 : 1;
        await foreach (var change in _app.ResourceNotifications.WatchAsync())
        {
            if (change.Resource.Name == service && seen.Add(change.ResourceId))
            {
                yield return change.ResourceId;
                if (seen.Count == replicas)
                {
                    yield break;
                }
            }
        }
    }

    private async Task<string> TokenAsync(string role, string sub)
    {
        using var response = await _gateway.PostAsJsonAsync("/dev/tokens", new { sub, role });
        return (await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>()).GetProperty("token").GetString()!;
    }

    private async Task<JsonElement> PostAsync(string path, string body, string token)
    {
        using var response = await SendAsync(HttpMethod.Post, path, body, token);
        return await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>();
    }

    private async Task<JsonElement> GetAsync(string path, string token)
    {
        using var response = await SendAsync(HttpMethod.Get, path, null, token);
        return await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>();
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? body, string token)
    {
        using var request = new HttpRequestMessage(method, path) { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", token) } };
        request.Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json");
        return await _gateway.SendAsync(request);
    }

    private async Task<ClientWebSocket> ConnectAsync(string id, string token)
    {
        var socket = new ClientWebSocket();
        await socket.ConnectAsync(new UriBuilder(_gateway.BaseAddress!) { Scheme = "ws", Path = $"/api/v1/streams/{id}/ws", Query = $"token={token}" }.Uri, CancellationToken.None);
        return socket;
    }

    private static async Task ReadUntilAsync(ClientWebSocket socket, Func<string, bool> matches)
    {
        using var timeout = new CancellationTokenSource(Patience);
        var buffer = new byte[16 * 1024];
        while (true)
        {
            var result = await socket.ReceiveAsync(buffer.AsMemory(), timeout.Token);
            Assert.NotEqual(WebSocketMessageType.Close, result.MessageType);
            if (matches(Encoding.UTF8.GetString(buffer, 0, result.Count)))
            {
                return;
            }
        }
    }
}
