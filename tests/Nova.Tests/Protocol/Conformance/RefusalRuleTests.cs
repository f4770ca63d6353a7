using System.Net;
using System.Text;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>1.12: the order of a connection's life, and every refusal before it.</summary>
public sealed class RefusalRuleTests(NovaFixture nova) : RuleTests(nova)
{
    private const int Capacity = 50;

    /// <summary>Whole lives on both gateways, from before the start, from the middle and after the end.</summary>
    [Fact]
    public async Task R92_Lifecycle_IsTheSameForEverybody()
    {
        var stream = await Api.CreateStreamAsync();
        List<Viewer> viewers = [await stream.WatchAsync(0), await stream.WatchAsync(1)];
        await stream.PostAsync("start", """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""");
        viewers.AddRange([await stream.WatchAsync(0), await stream.WatchAsync(1)]);
        await stream.ChangeQualityAsync(3000);
        await stream.PostAsync("bitrate", """{"current_bitrate_kbps":2900}""");
        viewers.AddRange([await stream.WatchAsync(0), await stream.WatchAsync(1)]);
        await viewers[^1].WaitForCountAsync(6);
        await stream.PostAsync("end");
        foreach (var viewer in viewers)
        {
            Assert.Equal(1000, await viewer.WaitForCloseAsync());
            AssertLifecycle(viewer);
        }

        foreach (var gateway in new[] { 0, 1 })
        {
            await using var late = await stream.WatchAsync(gateway);
            Assert.Equal(1000, await late.WaitForCloseAsync());
            Assert.Equal([EventNames.ConnectionEstablished, EventNames.Error, EventNames.StreamEnded], late.Events);
        }

        await Task.WhenAll(viewers.Select(viewer => viewer.DisposeAsync().AsTask()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("?token=")]
    [InlineData("?token=abc")]
    [InlineData("?token=a.b.c")]
    [InlineData("?token=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ4IiwiZXhwIjo5OTk5OTk5OTk5fQ.c2lnbmF0dXJl")]
    public async Task R93_InvalidToken_Is401BeforeTheUpgrade(string query)
    {
        var stream = await Api.StartStreamAsync();
        await Ask.AssertUpgradeRefusedAsync(Api.Gateways[0], $"{stream.Path}/ws{query}", HttpStatusCode.Unauthorized);
        await Ask.AssertUpgradeRefusedAsync(Api.Gateways[1], $"{stream.Path}/ws{query}", HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task R94a_StreamThatDoesNotExist_Is404() => await Ask.AssertUpgradeRefusedAsync(
        Api.Gateways[1], $"/api/v1/streams/{Guid.NewGuid()}/ws?token={await Api.TokenAsync()}", HttpStatusCode.NotFound);

    [Fact]
    public async Task R94b_ViewerWhoIsNotAuthorised_Is403()
    {
        var (open, hidden) = (await Api.CreateStreamAsync(), await Api.CreateStreamAsync("private"));
        var elsewhere = await Api.TokenAsync(streams: [Guid.NewGuid().ToString()]);
        await Ask.AssertUpgradeRefusedAsync(Api.Gateways[0], $"{open.Path}/ws?token={elsewhere}", HttpStatusCode.Forbidden);
        await Ask.AssertUpgradeRefusedAsync(Api.Gateways[1], $"{hidden.Path}/ws?token={await Api.TokenAsync()}", HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task R94c_FiftyFirstOfFifty_IsRefusedUntilOneLeaves()
    {
        await using var gateway = await OwnService.StartGatewayAsync(
            Nova.Stack, new Dictionary<string, string?> { ["Gateway:MaxConnections"] = $"{Capacity}" });
        var stream = await Api.StartStreamAsync();
        var viewers = await Task.WhenAll(Enumerable.Range(0, Capacity).Select(_ => gateway.WatchAsync(stream)));
        var path = $"{stream.Path}/ws?token={OwnService.Token()}";
        await Ask.AssertUpgradeRefusedAsync(gateway.Address, path, HttpStatusCode.ServiceUnavailable);

        await viewers[0].CloseAsync();
        await Eventually.TrueAsync(
            async () =>
            {
                await using var next = await RawViewer.OpenAsync(gateway.Address);
                return (await next.UpgradeAsync(RawViewer.Request(gateway.Address, path))).Status == 101;
            },
            "who comes next is accepted");
        await Task.WhenAll(viewers.Select(viewer => viewer.DisposeAsync().AsTask()));
    }

    /// <summary>The whole answer is there, and whoever asked to have the connection closed sees it closed.</summary>
    [Theory]
    [InlineData("?token=abc", 401)]
    [InlineData("", 401)]
    [InlineData("?token=valid", 404)]
    public async Task R94d_RefusedConnection_IsAnsweredInFullAndClosed(string query, int status)
    {
        var path = $"/api/v1/streams/{Guid.NewGuid()}/ws{query.Replace("valid", await Api.TokenAsync())}";
        var request = RawViewer.Request(
            Api.Gateways[0], path, "GET", "HTTP/1.1",
            "Upgrade: websocket", "Connection: Upgrade, close", "Sec-WebSocket-Version: 13", $"Sec-WebSocket-Key: {RawViewer.SampleKey}");
        using var tcp = new System.Net.Sockets.TcpClient();
        using var timeout = new CancellationTokenSource(Api.Patience);
        await tcp.ConnectAsync(Api.Gateways[0].Host, Api.Gateways[0].Port, timeout.Token);
        await tcp.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request), timeout.Token);
        var answer = new MemoryStream();
        await tcp.GetStream().CopyToAsync(answer, timeout.Token); // To the FIN; a hang ends by the timeout.

        var text = Encoding.UTF8.GetString(answer.ToArray());
        Assert.StartsWith($"HTTP/1.1 {status} ", text);
        Assert.Contains("\"error_code\":", text);
        Assert.True(text.TrimEnd().EndsWith('}') || text.EndsWith("0\r\n\r\n", StringComparison.Ordinal), text);
    }

    /// <summary>The document's picture, as a state machine.</summary>
    private static void AssertLifecycle(Viewer viewer)
    {
        var events = viewer.Events;
        Assert.Equal(EventNames.ConnectionEstablished, events[0]);
        Assert.Single(events, EventNames.ConnectionEstablished);
        Assert.Single(events, EventNames.StreamStarted);
        Assert.Equal(EventNames.StreamEnded, events[^1]);
        Assert.Single(events, EventNames.StreamEnded);
        var started = events.Index().First(item => item.Item == EventNames.StreamStarted).Index;
        Assert.All(events.Take(started).Skip(1), name => Assert.Equal(EventNames.ViewerCountChanged, name)); // Nothing else is said before the start.
        Assert.All(
            events.Skip(started + 1).SkipLast(1),
            name => Assert.Contains(name, new[] { EventNames.ViewerCountChanged, EventNames.QualityChanged, EventNames.BitrateUpdate }));
    }
}
