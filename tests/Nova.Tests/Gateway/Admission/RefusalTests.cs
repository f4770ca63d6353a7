using System.Net;
using System.Net.WebSockets;
using Nova.Tests.Support;

namespace Nova.Tests.Gateway.Admission;

/// <summary>What is decided before 101, and that a plain GET says the same as a refused upgrade.</summary>
public sealed class RefusalTests(NovaFixture nova)
{
    private const string Forged = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ4IiwiZXhwIjo5OTk5OTk5OTk5fQ.c2lnbmF0dXJl";
    private const string Unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4IiwiZXhwIjo5OTk5OTk5OTk5LCJpc3MiOiJub3ZhLXN0YW5kYWxvbmUiLCJhdWQiOiJub3ZhIn0.";

    [Theory]
    [InlineData("")]
    [InlineData("?token=")]
    [InlineData("?token=abc")]
    [InlineData("?token=a.b.c")]
    [InlineData($"?token={Forged}")]
    [InlineData($"?token={Unsigned}")]
    public async Task Upgrade_WithoutAValidToken_Is401(string query)
    {
        var stream = await nova.Api.CreateStreamAsync();
        await AssertRefusedAsync($"{stream.Path}/ws{query}", HttpStatusCode.Unauthorized, "CONNECTION_REJECTED");
    }

    [Fact]
    public async Task Upgrade_WithABadTokenAndAnUnknownStream_Is401First() =>
        await AssertRefusedAsync($"/api/v1/streams/{Guid.NewGuid()}/ws?token=abc", HttpStatusCode.Unauthorized, "CONNECTION_REJECTED");

    [Theory]
    [InlineData("0199a3f0-0000-7000-8000-000000000000")]
    [InlineData("not-a-uuid")]
    [InlineData("%7B550e8400-e29b-41d4-a716-446655440000%7D")]
    [InlineData("550e8400e29b41d4a716446655440000")]
    public async Task Upgrade_ForNoStream_Is404(string id) => await AssertRefusedAsync(
        $"/api/v1/streams/{id}/ws?token={await nova.Api.TokenAsync()}", HttpStatusCode.NotFound, "STREAM_NOT_FOUND");

    [Theory]
    [InlineData("private", null, false)]
    [InlineData("private", "*", true)]
    [InlineData("private", "this", true)]
    [InlineData("private", "other", false)]
    [InlineData("public", null, true)]
    [InlineData("public", "other", false)]
    [InlineData("public", "none", false)]
    public async Task Upgrade_ByWhatTheTokenAllows_Is403OrWelcome(string visibility, string? grant, bool welcome)
    {
        var stream = await nova.Api.CreateStreamAsync(visibility);
        string[]? streams = grant switch { null => null, "none" => [], "*" => ["*"], "this" => [stream.Id], _ => [Guid.NewGuid().ToString()] };
        var path = $"{stream.Path}/ws?token={await nova.Api.TokenAsync(streams: streams)}";
        if (welcome)
        {
            Assert.Equal(HttpStatusCode.UpgradeRequired, (await nova.Api.SendAsync(HttpMethod.Get, path, null, null)).Status);
        }
        else
        {
            await AssertRefusedAsync(path, HttpStatusCode.Forbidden, "UNAUTHORIZED");
        }
    }

    [Theory]
    [InlineData("2.0")]
    [InlineData("abc")]
    public async Task Upgrade_ForAnotherProtocol_Is400WithWhatIsSpoken(string version)
    {
        var stream = await nova.Api.CreateStreamAsync();
        var answer = await AssertRefusedAsync(
            $"{stream.Path}/ws?token={await nova.Api.TokenAsync()}&protocol={version}", HttpStatusCode.BadRequest, "PROTOCOL_ERROR");
        Assert.Contains("1.0", answer.Text("detail"));
    }

    [Fact]
    public async Task Upgrade_WithTwoDifferentTokens_Is400_AndWithTheSameTwice_IsWelcome()
    {
        var stream = await nova.Api.CreateStreamAsync();
        var (one, other) = (await nova.Api.TokenAsync("one"), await nova.Api.TokenAsync("other"));
        await AssertRefusedAsync($"{stream.Path}/ws?token={one}&token={other}", HttpStatusCode.BadRequest, "CONNECTION_REJECTED");
        Assert.Equal(HttpStatusCode.BadRequest, (await nova.Api.SendAsync(HttpMethod.Get, $"{stream.Path}/ws?token={one}", null, other)).Status);
        Assert.Equal(HttpStatusCode.UpgradeRequired, (await nova.Api.SendAsync(HttpMethod.Get, $"{stream.Path}/ws?token={one}", null, one)).Status);
    }

    [Fact]
    public async Task Upgrade_WithTheTokenAsSubprotocol_IsAnsweredWithNovaOnly()
    {
        var stream = await nova.Api.CreateStreamAsync();
        using var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol("nova.v1");
        socket.Options.AddSubProtocol($"nova-token.{await nova.Api.TokenAsync()}");
        await socket.ConnectAsync(new Uri($"ws://{nova.Stack.Gateways[0].Authority}{stream.Path}/ws"), TestContext.Current.CancellationToken);
        Assert.Equal("nova.v1", socket.SubProtocol);
    }

    [Fact]
    public async Task Get_OfAStreamOneMayWatch_Is426WithTheVersion()
    {
        var stream = await nova.Api.CreateStreamAsync();
        var answer = await nova.Api.SendAsync(HttpMethod.Get, $"{stream.Path}/ws?token={await nova.Api.TokenAsync()}&protocol=1.7", null, null);
        Assert.Equal(HttpStatusCode.UpgradeRequired, answer.Status);
        Assert.Equal("13", answer.Headers["Sec-WebSocket-Version"]);
    }

    [Theory]
    [InlineData("GET", "/ws", 404)]
    [InlineData("GET", "/api/v2/streams/550e8400-e29b-41d4-a716-446655440000/ws", 404)]
    [InlineData("GET", "/internal/streams/550e8400-e29b-41d4-a716-446655440000/snapshot", 404)]
    [InlineData("POST", "/internal/issues", 404)]
    [InlineData("POST", "/api/v1/streams/550e8400-e29b-41d4-a716-446655440000/ws?token=abc", 405)]
    public async Task Neighbours_OfTheEndpoint_AreNothing(string method, string path, int status) =>
        Assert.Equal(status, (int)(await nova.Api.SendAsync(new HttpMethod(method), path, null, await nova.Api.TokenAsync())).Status);

    [Fact]
    public async Task Upgrade_BeyondCapacity_Is503UntilSomebodyLeaves()
    {
        await using var stack = await nova.StartStackAsync(new Dictionary<string, string?> { ["Gateway:MaxConnections"] = "3" });
        var api = new Api(stack);
        var stream = await api.CreateStreamAsync();
        var viewers = new List<Viewer>();
        for (var i = 0; i < 3; i++)
        {
            viewers.Add(await stream.WatchAsync());
        }

        var path = $"{stream.Path}/ws?token={await api.TokenAsync()}";
        var refused = await api.SendAsync(HttpMethod.Get, path, null, null);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "CONNECTION_REJECTED", "at_capacity"), (refused.Status, refused.ErrorCode, refused.Text("reason")));
        Assert.InRange(int.Parse(refused.Headers["Retry-After"]), 1, 5);

        await viewers[0].CloseAsync();
        await Eventually.TrueAsync(
            async () => (await api.SendAsync(HttpMethod.Get, path, null, null)).Status == HttpStatusCode.UpgradeRequired, "a seat became free");
        foreach (var viewer in viewers)
        {
            await viewer.DisposeAsync();
        }
    }

    private async Task<Answer> AssertRefusedAsync(string path, HttpStatusCode status, string errorCode)
    {
        using var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        await Assert.ThrowsAsync<WebSocketException>(() => socket.ConnectAsync(
            new Uri($"ws://{nova.Stack.Gateways[0].Authority}{path}"), TestContext.Current.CancellationToken));
        Assert.Equal(status, socket.HttpStatusCode);

        var answer = await nova.Api.SendAsync(HttpMethod.Get, path, null, null);
        Assert.Equal((status, errorCode), (answer.Status, answer.ErrorCode));
        return answer;
    }
}
