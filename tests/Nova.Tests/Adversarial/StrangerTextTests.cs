using System.Net;
using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Adversarial;

/// <summary>Text from strangers (F11, F12): kept to the letter or refused by name, and harmless on its way.</summary>
public sealed class StrangerTextTests(NovaFixture nova)
{
    public static TheoryData<string> Texts =>
    [
        "<script>alert(1)</script>", "'; DROP TABLE streams; --", "\r\n\r\nHTTP/1.1 200 OK\r\n", "\u001b[2J\u001b[31mred", "${jndi:ldap://x}", "{{constructor}}",
        "\u202Egnp.exe", "a\u0000b", "😀\u0301𝔘", "\\\"\\u0041", "%00%0d%0a", "{0} {Title}", "\uFFFE\uFFFF",
    ];

    [Theory]
    [MemberData(nameof(Texts))]
    public async Task ATitle_IsTheSameForEveryReader_OrRefusedByName(string text)
    {
        var token = await nova.Api.TokenAsync($"b-{Guid.CreateVersion7():N}", "broadcaster");
        var body = JsonSerializer.Serialize(new { title = text, description = text, broadcaster_name = text });
        var created = await nova.Api.SendAsync(HttpMethod.Post, "/api/v1/streams", body, token);
        if (text.Contains('\0'))
        {
            Assert.Equal(HttpStatusCode.BadRequest, created.Status);
            Assert.Contains("U+0000", created.Body.GetProperty("errors").GetProperty("title")[0].GetString());
            return;
        }

        Assert.Equal(HttpStatusCode.Created, created.Status);
        var stream = new TestStream(nova.Api, created.Text("stream_id"), "", token);
        await stream.PostAsync("start", """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""");
        await using var viewer = await stream.WatchAsync(gateway: 1);
        var started = await viewer.WaitForAsync(EventNames.StreamStarted);
        var shown = await stream.GetAsync();
        Assert.Equal((text, text), (started.Text("title"), started.Text("description")));
        Assert.Equal((text, text), (shown.Text("title"), shown.Text("broadcaster_name")));
    }

    [Theory]
    [MemberData(nameof(Texts))]
    public async Task AReport_IsKeptToTheLetter_AndHoldsNobodyUp(string text)
    {
        var stream = await nova.Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        var info = new Dictionary<string, string> { ["player"] = text, [text] = text };
        await viewer.SendAsync(JsonSerializer.Serialize(new { @event = "report_issue", data = new { issue_type = "other", severity = "low", description = text, report_id = "odd", client_info = info } }));
        await viewer.SendAsync("""{"event":"report_issue","data":{"issue_type":"lag","severity":"low","report_id":"next"}}""");
        foreach (var report in new[] { "next", "odd" }) // In any order: batches are sent side by side.
        {
            await viewer.WaitForAsync(EventNames.IssueReceived, received => received.GetProperty("report_id").GetString() == report);
        }

        var listed = await nova.Api.SendAsync(HttpMethod.Get, $"/api/v1/issues?stream_id={stream.Id}&issue_type=other", null, await nova.Api.TokenAsync("ops", "operator"));
        var stored = Assert.Single(listed.Body.GetProperty("issues").EnumerateArray());
        Assert.Equal(text.Replace('\0', '\uFFFD'), stored.GetProperty("description").GetString());
        Assert.Equal(text, stored.GetProperty("client_info").GetProperty("player").GetString()); // A json column keeps what text cannot.
    }

    [Theory]
    [InlineData("title", "\"\\ud800\"")]
    [InlineData("title", "\"\\udc00\\ud800\"")]
    [InlineData("description", "\"a\\udfffb\"")]
    public async Task HalfACharacter_InARequest_Is400(string field, string json)
    {
        var token = await nova.Api.TokenAsync("b", "broadcaster");
        var answer = await nova.Api.SendAsync(HttpMethod.Post, "/api/v1/streams", $$"""{"title":"t","{{field}}":{{json}}}""".Replace("\"title\":\"t\",\"title\"", "\"title\""), token);
        Assert.Equal((HttpStatusCode.BadRequest, "INVALID_REQUEST"), (answer.Status, answer.ErrorCode));
    }
}
