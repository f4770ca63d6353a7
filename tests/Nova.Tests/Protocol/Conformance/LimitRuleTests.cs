using System.Net;
using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>R75, S8, S36, S37 and S46: how much, how often and how deep a viewer may ask.</summary>
public sealed class LimitRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task R75_AFloodOfGetStreamInfo_IsToldRateLimited_AndTheConnectionGoesOn()
    {
        var stream = await Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        for (var i = 0; i < 145; i++)
        {
            await viewer.SendAsync(Info($"{i}"));
        }

        var error = await viewer.WaitForAsync(EventNames.Error);
        Assert.Equal(
            ("RATE_LIMITED", "warning", true), (error.Text("error_code"), error.Text("severity"), error.Data.GetProperty("recoverable").GetBoolean()));
        await Eventually.TrueAsync(
            async () =>
            {
                await viewer.SendAsync(Info("after"));
                return viewer.Frames.Any(frame => frame.Event == EventNames.StreamInfo && frame.Text("request_id") == "after");
            },
            "questions are answered again");
        Assert.True(viewer.Frames.Count(frame => frame.Event == EventNames.StreamInfo && frame.Text("request_id") != "after") >= 100, "The burst is 100.");
        Assert.Null(viewer.CloseCode);
    }

    [Fact]
    public async Task S8_OneViewersSocketsBeyondItsLimit_Are429WithRetryAfter_UntilOneCloses()
    {
        await using var stack = await Nova.StartStackAsync(new Dictionary<string, string?>
        {
            ["Gateway:UnlimitedClients"] = "192.0.2.1",
            ["Gateway:MaxConnectionsPerViewer"] = "2",
        });
        var api = new Api(stack);
        var stream = await api.CreateStreamAsync();
        var token = await api.TokenAsync("one person");
        await using var first = await stream.WatchAsync(viewerToken: token);
        await using var second = await stream.WatchAsync(viewerToken: token);
        await using var somebodyElse = await stream.WatchAsync();

        var refused = await api.SendAsync(HttpMethod.Get, $"{stream.Path}/ws?token={token}", null, null);
        Assert.Equal(
            (HttpStatusCode.TooManyRequests, "CONNECTION_REJECTED", "too_many_connections_of_viewer"), (refused.Status, refused.ErrorCode, refused.Text("reason")));
        Assert.InRange(int.Parse(refused.Headers["Retry-After"]), 1, 10);
        await second.CloseAsync();
        await Eventually.TrueAsync(
            async () => (await api.SendAsync(HttpMethod.Get, $"{stream.Path}/ws?token={token}", null, null)).Status == HttpStatusCode.UpgradeRequired, "a place is free");
    }

    [Theory]
    [InlineData("""{"request_id":"x"}""", "x")]
    [InlineData("""{"request_id":"<b>\"ü\n😀"}""", "<b>\"ü\n😀")]
    [InlineData("""{"request_id":""}""", null)]
    [InlineData("""{"request_id":7}""", null)]
    [InlineData("""{"request_id":null}""", null)]
    [InlineData("""{"request_id":{"x":1}}""", null)]
    [InlineData("{}", null)]
    public async Task S36_ARequestId_IsAStringThatIsEchoedAsItCame_AndAnythingElseIs1003(string data, string? echo)
    {
        var stream = await Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.SendAsync($$$"""{"event":"get_stream_info","data":{{{data}}}}""");
        if (echo is null)
        {
            Assert.Equal(1003, await viewer.WaitForCloseAsync());
        }
        else
        {
            Assert.Equal(echo, (await viewer.WaitForAsync(EventNames.StreamInfo)).Text("request_id"));
        }
    }

    [Fact]
    public async Task S36_ARequestIdOf128Characters_Passes_AndOneMoreIs1003()
    {
        var stream = await Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.SendAsync(Info(new string('x', 128)));
        await viewer.WaitForAsync(EventNames.StreamInfo, info => info.GetProperty("request_id").GetString()!.Length == 128);
        await viewer.SendAsync(Info(new string('x', 129)));
        Assert.Equal(1003, await viewer.WaitForCloseAsync());
    }

    [Fact]
    public async Task S37_ReportsBeyondTheBurst_AreDroppedAndTold_AndAPersistentFloodIs1008()
    {
        var stream = await Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        for (var i = 0; i < 25; i++)
        {
            await viewer.SendAsync($$$"""{"event":"report_issue","data":{"issue_type":"lag","severity":"low","report_id":"{{{i}}}"}}""");
        }

        await viewer.WaitForAsync(EventNames.Error, error => error.GetProperty("error_code").GetString() == "RATE_LIMITED");
        await viewer.WaitForAsync(EventNames.IssueReceived, received => received.GetProperty("report_id").GetString() == "19");
        Assert.DoesNotContain(viewer.Frames, frame => frame.Event == EventNames.IssueReceived && frame.Text("report_id") == "24");

        await using var flooding = await stream.WatchAsync(gateway: 1);
        try
        {
            for (var i = 0; i < 2000 && flooding.CloseCode is null; i++)
            {
                await flooding.SendAsync("""{"event":"pong","data":{}}""");
            }
        }
        catch (System.Net.WebSockets.WebSocketException)
        {
            // Closed in the middle of it.
        }

        Assert.Equal(1008, await flooding.WaitForCloseAsync());
        Assert.InRange(flooding.Frames.Count(frame => frame.Event == EventNames.Error), 1, 10);
    }

    [Theory]
    [InlineData("depth")]
    [InlineData("duplicate")]
    [InlineData("surrogate")]
    [InlineData("surrogate in a name")]
    [InlineData("members")]
    [InlineData("byte order mark")]
    public async Task S46_JsonThatParsersDisagreeOn_Is1003(string what)
    {
        var message = what switch
        {
            "depth" => $$$"""{"event":"report_issue","data":{"issue_type":"lag","severity":"low","x":{{{new string('[', 40)}}}{{{new string(']', 40)}}}}}""",
            "duplicate" => """{"event":"pong","event":"get_stream_info","data":{"request_id":"x"}}""",
            "surrogate" => """{"event":"report_issue","data":{"issue_type":"lag","severity":"low","description":"\ud800"}}""",
            "surrogate in a name" => """{"event":"report_issue","data":{"issue_type":"lag","severity":"low","client_info":{"\ud800":1}}}""",
            "members" => $$$"""{"event":"pong","data":{{{{string.Join(',', Enumerable.Range(0, 5000).Select(i => $"\"{i}\":0"))}}}}}""",
            _ => "\uFEFF" + Info("x"),
        };
        var stream = await Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.SendAsync(message);
        Assert.Equal("PROTOCOL_ERROR", (await viewer.WaitForAsync(EventNames.Error)).Text("error_code"));
        Assert.Equal(1003, await viewer.WaitForCloseAsync());
    }

    [Theory]
    [InlineData("1e400")]
    [InlineData("99999999999999999999")]
    [InlineData("4182.7")]
    [InlineData("8e3")]
    public async Task S55_ABandwidthOfAnySize_IsStoredAsItCame(string number)
    {
        var stream = await Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.SendAsync($$$"""{"event":"report_issue","data":{"issue_type":"lag","severity":"low","report_id":"r","client_info":{"bandwidth_estimate_kbps":{{{number}}} } } }""");
        await viewer.WaitForAsync(EventNames.IssueReceived);
        var issues = await Api.SendAsync(HttpMethod.Get, $"/api/v1/issues?stream_id={stream.Id}", null, await Api.TokenAsync("ops", "operator"));
        Assert.Equal(number, issues.Body.GetProperty("issues")[0].GetProperty("client_info").GetProperty("bandwidth_estimate_kbps").GetRawText());
    }

    [Fact]
    public async Task S55_ALongLabel_IsStoredWhole()
    {
        var browser = new string('x', 280); // In-app browsers have such names.
        var stream = await Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.SendAsync($$$"""{"event":"report_issue","data":{"issue_type":"lag","severity":"low","report_id":"r","client_info":{"browser":"{{{browser}}}"} } }""");
        await viewer.WaitForAsync(EventNames.IssueReceived);
        var issues = await Api.SendAsync(HttpMethod.Get, $"/api/v1/issues?stream_id={stream.Id}", null, await Api.TokenAsync("ops", "operator"));
        Assert.Equal(browser, issues.Body.GetProperty("issues")[0].GetProperty("client_info").GetProperty("browser").GetString());
    }

    [Fact]
    public async Task S46_ANegativeNumber_IsAnsweredAndTheStreamGoesOn()
    {
        var stream = await Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.SendAsync("""{"event":"report_issue","data":{"issue_type":"lag","severity":"low","client_info":{"bandwidth_estimate_kbps":-1}}}""");
        var error = await viewer.WaitForAsync(EventNames.Error);
        Assert.Equal(("PROTOCOL_ERROR", true), (error.Text("error_code"), error.Data.GetProperty("recoverable").GetBoolean()));
        await viewer.SendAsync(Info("on"));
        await viewer.WaitForAsync(EventNames.StreamInfo);
    }

    private static string Info(string requestId) => JsonSerializer.Serialize(new { @event = "get_stream_info", data = new { request_id = requestId } });
}
