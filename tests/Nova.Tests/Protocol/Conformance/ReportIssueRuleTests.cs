using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>1.11: <c>report_issue</c>, from the socket to the operators' query.</summary>
public sealed class ReportIssueRuleTests(NovaFixture nova) : RuleTests(nova)
{
    private const string Document =
        """{"event":"report_issue","data":{"issue_type":"buffering","severity":"high","description":"Stream is constantly buffering","client_info":{"player":"video.js","browser":"Chrome 120","os":"macOS 14.1","network":"wifi","bandwidth_estimate_kbps":8000}}}""";

    [Fact]
    public async Task R88_EveryTypeAndSeverity_IsAccepted()
    {
        var stream = await Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        string[] types = ["buffering", "lag", "quality", "playback_error", "other"];
        string[] severities = ["low", "medium", "high"];
        (string Type, string Severity)[] all = [.. types.SelectMany(type => severities.Select(severity => (type, severity)))];
        foreach (var (type, severity) in all)
        {
            await viewer.SendAsync($$$"""{"event":"report_issue","data":{"issue_type":"{{{type}}}","severity":"{{{severity}}}"}}""");
        }

        await Eventually.TrueAsync(async () => (await IssuesAsync(stream)).Count == all.Length, "15 reports are stored");
        await viewer.InfoAsync();
        Assert.DoesNotContain(EventNames.Error, viewer.Events);
        Assert.Equal(all.Order(), (await IssuesAsync(stream)).Select(issue => (Text(issue, "issue_type"), Text(issue, "severity"))).Order());
    }

    [Fact]
    public async Task R89_ClientInfo_IsStoredFieldByField_WithWhoAndWhereAndWhen()
    {
        var stream = await Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync(gateway: 1);
        var before = DateTimeOffset.UtcNow.AddSeconds(-1);
        await viewer.SendAsync(Document);
        await Eventually.TrueAsync(async () => (await IssuesAsync(stream)).Count == 1, "the report is stored");

        var issue = Assert.Single(await IssuesAsync(stream));
        var info = issue.GetProperty("client_info");
        Assert.Equal(
            ("video.js", "Chrome 120", "macOS 14.1", "wifi", 8000),
            (Text(info, "player"), Text(info, "browser"), Text(info, "os"), Text(info, "network"), info.GetProperty("bandwidth_estimate_kbps").GetInt32()));
        var greeting = await viewer.WaitForAsync(EventNames.ConnectionEstablished);
        Assert.Equal(
            (stream.Id, greeting.Text("viewer_id"), greeting.Text("session_id"), "Stream is constantly buffering"),
            (Text(issue, "stream_id"), Text(issue, "viewer_id"), Text(issue, "session_id"), Text(issue, "description")));
        Assert.InRange(issue.GetProperty("reported_at").GetDateTimeOffset(), before, DateTimeOffset.UtcNow.AddSeconds(1));
    }

    /// <summary>With a Telemetry of its own, which is stopped: another one, started afterwards, still has the report.</summary>
    [Fact]
    public async Task R90_Issue_IsStoredWithinFiveSeconds_AndSurvivesARestart()
    {
        var stream = await Api.StartStreamAsync();
        await using var proxy = new TcpProxy();
        await using var gateway = await OwnService.StartGatewayAsync(
            Nova.Stack, new Dictionary<string, string?> { ["services:telemetry:http:0"] = proxy.Address.OriginalString.TrimEnd('/') });
        await using (var first = await OwnService.StartTelemetryAsync(Nova.Stack))
        {
            proxy.SetTarget(first.Address);
            await using var viewer = await gateway.WatchAsync(stream);
            await viewer.SendAsync(Document);
            await Eventually.TrueAsync(async () => await CountAsync() == 1, "the report is stored", TimeSpan.FromSeconds(5));
        }

        await using var second = await OwnService.StartTelemetryAsync(Nova.Stack);
        proxy.SetTarget(second.Address);
        await Eventually.TrueAsync(async () => await CountAsync() == 1, "the new one has it"); // The gateway's old connections are gone first.

        async Task<int> CountAsync()
        {
            using var http = new HttpClient { BaseAddress = gateway.Address, Timeout = Api.Patience };
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/issues?stream_id={stream.Id}");
            request.Headers.Authorization = new("Bearer", OwnService.Token("ops", ("role", "operator")));
            using var response = await http.SendAsync(request);
            return response.IsSuccessStatusCode
                ? JsonElement.Parse(await response.Content.ReadAsStringAsync()).GetProperty("issues").GetArrayLength()
                : -1;
        }
    }

    [Fact]
    public async Task R91_Report_IsNotVisibleToOtherViewers()
    {
        var stream = await Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await using var near = await stream.WatchAsync();
        await using var far = await stream.WatchAsync(gateway: 1);
        await far.WaitForCountAsync(3);
        await near.WaitForCountAsync(3);
        var before = (near.Frames.Count, far.Frames.Count);
        await viewer.SendAsync(Document);
        await Eventually.TrueAsync(async () => (await IssuesAsync(stream)).Count == 1, "the report is stored");
        await stream.ChangeQualityAsync(3000);
        await near.WaitForAsync(EventNames.QualityChanged);
        await far.WaitForAsync(EventNames.QualityChanged);
        Assert.Equal([EventNames.QualityChanged], near.Events.Skip(before.Item1));
        Assert.Equal([EventNames.QualityChanged], far.Events.Skip(before.Item2));
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private async Task<IReadOnlyList<JsonElement>> IssuesAsync(TestStream stream)
    {
        var answer = await Api.SendAsync(HttpMethod.Get, $"/api/v1/issues?stream_id={stream.Id}", null, await Api.TokenAsync("ops", "operator"));
        return [.. answer.Body.GetProperty("issues").EnumerateArray()];
    }
}
