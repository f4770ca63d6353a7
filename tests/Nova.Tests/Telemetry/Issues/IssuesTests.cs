using System.Net;
using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Telemetry.Issues;

/// <summary>A viewer's report, from the socket to the operator's query.</summary>
public sealed class IssuesTests(NovaFixture nova)
{
    [Fact]
    public async Task Report_OfEveryTypeAndSeverity_IsStoredWithoutAnAnswer()
    {
        var stream = await nova.Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        string[] types = ["buffering", "lag", "quality", "playback_error", "other"];
        string[] severities = ["low", "medium", "high"];
        foreach (var (type, severity) in types.SelectMany(type => severities.Select(severity => (type, severity))))
        {
            await viewer.SendAsync($$$"""{"event":"report_issue","data":{"issue_type":"{{{type}}}","severity":"{{{severity}}}"}}""");
        }

        await Eventually.TrueAsync(async () => (await ListAsync($"?stream_id={stream.Id}")).Count == 15, "15 reports are stored", TimeSpan.FromSeconds(5));
        Assert.All(viewer.Events, name => Assert.True(name is EventNames.ConnectionEstablished or EventNames.ViewerCountChanged));
        Assert.Equal(3, (await ListAsync($"?stream_id={stream.Id}&issue_type=lag")).Count);
        Assert.Equal(5, (await ListAsync($"?stream_id={stream.Id}&severity=high")).Count);
    }

    [Fact]
    public async Task Report_WithEverything_ComesBackEqual()
    {
        var stream = await nova.Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        const string Description = "<script>alert(1)</script>\r\n\u001b[31m 'quoted'; DROP TABLE issues; -- 🎬";
        const string ClientInfo = """{"player":"video.js","browser":"Chrome 120","os":"macOS 14.1","network":"wifi","bandwidth_estimate_kbps":8000,"gpu":{"name":"M\u00003"}}""";
        var before = DateTimeOffset.UtcNow.AddSeconds(-1);
        await viewer.SendAsync($$$"""
            {"event":"report_issue","data":{"issue_type":"playback_error","severity":"high","report_id":"r-1","description":{{{JsonSerializer.Serialize(Description)}}},"client_info":{{{ClientInfo}}}}}
            """);
        var received = await viewer.WaitForAsync(EventNames.IssueReceived);
        Assert.Equal(("r-1", true), (received.Text("report_id"), received.Data.GetProperty("stored").GetBoolean()));

        var issue = Assert.Single(await ListAsync($"?stream_id={stream.Id}"));
        Assert.Equal(
            (received.Text("issue_id"), viewer.Frames[0].Text("viewer_id"), viewer.Frames[0].Text("session_id"), "playback_error", "high", Description),
            (Text("issue_id"), Text("viewer_id"), Text("session_id"), Text("issue_type"), Text("severity"), Text("description")));
        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(ClientInfo), issue.GetProperty("client_info")));
        Assert.InRange(issue.GetProperty("reported_at").GetDateTimeOffset(), before, DateTimeOffset.UtcNow.AddSeconds(1));

        string Text(string name) => issue.GetProperty(name).GetString()!;
    }

    [Fact]
    public async Task ReportId_SentAgain_IsTheSameIssue_AndAnotherViewersIsAnother()
    {
        var stream = await nova.Api.CreateStreamAsync();
        var token = await nova.Api.TokenAsync("retrier");
        const string Report = """{"event":"report_issue","data":{"issue_type":"lag","severity":"low","report_id":"again"}}""";
        List<string> ids = [];
        foreach (var sender in new[] { token, token, await nova.Api.TokenAsync("somebody else") })
        {
            await using var viewer = await stream.WatchAsync(viewerToken: sender);
            await viewer.SendAsync(Report);
            ids.Add((await viewer.WaitForAsync(EventNames.IssueReceived)).Text("issue_id"));
        }

        Assert.Equal(ids[0], ids[1]);
        Assert.NotEqual(ids[0], ids[2]);
        Assert.Equal(2, (await ListAsync($"?stream_id={stream.Id}")).Count);
    }

    [Fact]
    public async Task Report_WithU0000_IsStoredAndHoldsNobodyUp()
    {
        var stream = await nova.Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.SendAsync("""{"event":"report_issue","data":{"issue_type":"lag","severity":"low","report_id":"nul\u0000","description":"a\u0000b","client_info":{"player":"\u0000"}}}""");
        await viewer.WaitForAsync(EventNames.IssueReceived);
        Assert.Equal("a\uFFFDb", Assert.Single(await ListAsync($"?stream_id={stream.Id}")).GetProperty("description").GetString());
    }

    [Fact]
    public async Task List_ByPages_HasEveryReportOnceNewestFirst()
    {
        var stream = await nova.Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        for (var i = 0; i < 5; i++)
        {
            await viewer.SendAsync($$$"""{"event":"report_issue","data":{"issue_type":"lag","severity":"low","report_id":"p{{{i}}}"}}""");
            await viewer.WaitForAsync(EventNames.IssueReceived, received => received.GetProperty("report_id").GetString() == $"p{i}");
        }

        List<string> listed = [];
        string? cursor = null;
        do
        {
            var page = await OperatorAsync($"?stream_id={stream.Id}&limit=2{(cursor is null ? "" : $"&cursor={cursor}")}");
            listed.AddRange(page.Body.GetProperty("issues").EnumerateArray().Select(issue => issue.GetProperty("report_id").GetString()!));
            cursor = page.Body.GetProperty("next_cursor").GetString();
        }
        while (cursor is not null);

        Assert.Equal(["p4", "p3", "p2", "p1", "p0"], listed);
    }

    [Theory]
    [InlineData("viewer", HttpStatusCode.Forbidden)]
    [InlineData("broadcaster", HttpStatusCode.Forbidden)]
    [InlineData("operator", HttpStatusCode.OK)]
    public async Task List_ByRole_IsForOperators(string role, HttpStatusCode status) =>
        Assert.Equal(status, (await nova.Api.SendAsync(HttpMethod.Get, "/api/v1/issues", null, await nova.Api.TokenAsync("x", role))).Status);

    [Theory]
    [InlineData("?stream_id=7", "stream_id")]
    [InlineData("?since=yesterday", "since")]
    [InlineData("?until=x", "until")]
    [InlineData("?issue_type=noise", "issue_type")]
    [InlineData("?severity=5", "severity")]
    [InlineData("?limit=501", "limit")]
    [InlineData("?cursor=x", "cursor")]
    public async Task List_WithABadQuery_Is400NamingIt(string query, string field)
    {
        var answer = await OperatorAsync(query);
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.True(answer.Body.GetProperty("errors").TryGetProperty(field, out _));
    }

    private async Task<IReadOnlyList<JsonElement>> ListAsync(string query) =>
        [.. (await OperatorAsync(query)).Body.GetProperty("issues").EnumerateArray()];

    private async Task<Answer> OperatorAsync(string query) =>
        await nova.Api.SendAsync(HttpMethod.Get, "/api/v1/issues" + query, null, await nova.Api.TokenAsync("ops", "operator"));
}
