using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>Part 2: what may be sent, and what is answered (S4, S5, S7, S25, S32, S34, S35, S38 to S40).</summary>
public sealed class MessageSettledTests(NovaFixture nova) : RuleTests(nova)
{
    private const string Report = """{"event":"report_issue","data":{"issue_type":"lag","severity":"low","report_id":"r-1"}}""";

    [Theory]
    [InlineData("{")]
    [InlineData("""{"event":"get_stream_info","data":{}}""")]
    [InlineData("""{"event":"subscribe","data":{}}""")]
    public async Task S4_MalformedMessage_IsAnsweredWithTheErrorAndClosedWith1003(string message)
    {
        await using var viewer = await (await Api.CreateStreamAsync()).WatchAsync();
        await viewer.SendAsync(message);
        Assert.Equal(1003, await viewer.WaitForCloseAsync());
        var error = viewer.Frames[^1];
        Assert.Equal((ErrorCodes.ProtocolError, "error", false), (error.Text("error_code"), error.Text("severity"), error.IsRecoverable()));
        Assert.NotEmpty(error.Text("error_message"));
        Assert.InRange(Encoding.UTF8.GetByteCount(viewer.CloseReason!), 1, Limits.CloseReasonBytes);
    }

    [Theory]
    [InlineData("""{"issue_type":"noise","severity":"low"}""")]
    [InlineData("""{"issue_type":"lag","severity":5}""")]
    [InlineData("""{"issue_type":"lag","severity":"low","client_info":{"bandwidth_estimate_kbps":-1}}""")]
    public async Task S5_WrongValue_IsAnsweredAndForgivenAndNotStored(string data)
    {
        var stream = await Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.SendAsync($$"""{"event":"report_issue","data":{{data}}}""");
        var error = await viewer.WaitForAsync(EventNames.Error);
        Assert.Equal((ErrorCodes.ProtocolError, true), (error.Text("error_code"), error.IsRecoverable()));

        await viewer.SendAsync(Report); // Reports are stored in their order: the wrong one would be there before it.
        await viewer.WaitForAsync(EventNames.IssueReceived);
        Assert.Equal("r-1", Assert.Single(await IssuesAsync(stream)).GetProperty("report_id").GetString());
        Assert.Null(viewer.CloseCode);
    }

    /// <summary>Counts, changes and measurements come as close together as they can.</summary>
    [Fact]
    public async Task S7_EveryMessage_IsOneObject()
    {
        var stream = await Api.StartStreamAsync();
        await using var raw = await RawViewer.WatchAsync(Api.Gateways[0], stream.Id, await Api.TokenAsync());
        await using var pace = await stream.WatchAsync();
        await using var flood = await Flood.OpenAsync(Nova.Stack, stream, pace);
        var joining = Task.WhenAll(Enumerable.Range(0, 20).Select(i => stream.WatchAsync(i % 2)));
        await stream.PostAsync("bitrate", """{"current_bitrate_kbps":4850}""");
        await flood.PublishAsync(200);
        var viewers = await joining;
        await flood.PublishAsync(1);
        var ledger = await Ledger.ReadAsync(raw, 201);
        Assert.Contains(ledger.Frames, frame => frame.Event == EventNames.ViewerCountChanged);
        Assert.All(ledger.Frames, frame =>
        {
            var message = JsonElement.Parse(frame.Raw);
            Assert.Equal(JsonValueKind.Object, message.ValueKind);
            Assert.Equal(["event", "data"], message.EnumerateObject().Select(member => member.Name));
        });
        await Task.WhenAll(viewers.Select(viewer => viewer.DisposeAsync().AsTask()));
    }

    /// <summary>Both readings of "256 KB" are at peace with this: the smaller passes and what is more than the greater does not.</summary>
    [Theory]
    [InlineData(256_000, null)]
    [InlineData(262_145, 1009)]
    public async Task S25_MessageSize_IsOfThePayloadAfterReassembly(int bytes, int? code)
    {
        await using var viewer = await (await Api.CreateStreamAsync()).WatchAsync();
        const string Question = """{"event":"get_stream_info","data":{"request_id":"big"}}""";
        await viewer.SendAsync(Question[..20].Select(letter => (byte)letter).ToArray(), WebSocketMessageType.Text, endOfMessage: false);
        await viewer.SendAsync(Encoding.ASCII.GetBytes(Question[20..] + new string(' ', bytes - Question.Length)), WebSocketMessageType.Text);
        if (code is null)
        {
            await viewer.WaitForAsync(EventNames.StreamInfo);
            Assert.Null(viewer.CloseCode);
        }
        else
        {
            Assert.Equal(code, await viewer.WaitForCloseAsync());
        }
    }

    [Fact]
    public async Task S32_Messages_HaveTheMembersOfTheExamples()
    {
        var stream = await Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await stream.PostAsync("bitrate", """{"current_bitrate_kbps":4850}""");
        var bitrate = await viewer.WaitForAsync(EventNames.BitrateUpdate);
        Assert.Equal(
            ["stream_id", "current_bitrate_kbps", "quality", "health", "timestamp"], bitrate.Data.EnumerateObject().Select(member => member.Name));
        Assert.Equal(stream.Id, bitrate.Text("stream_id"));
        Assert.Equal(stream.Id, (await viewer.InfoAsync()).Text("stream_id"));
    }

    [Fact]
    public async Task S34_ReportWithAnId_IsConfirmedOnceDurable_AndAgainWithTheSameIssue()
    {
        var stream = await Api.CreateStreamAsync();
        var token = await Api.TokenAsync($"reporter-{Guid.NewGuid():N}");
        await using var viewer = await stream.WatchAsync(0, token);
        await viewer.SendAsync("""{"event":"report_issue","data":{"issue_type":"lag","severity":"low"}}"""); // Without one: no answer.
        await viewer.SendAsync(Report);
        var first = await viewer.WaitForAsync(EventNames.IssueReceived);
        Assert.Equal(("r-1", true), (first.Text("report_id"), first.Data.GetProperty("stored").GetBoolean()));
        Assert.Contains(await IssuesAsync(stream), issue => issue.GetProperty("issue_id").GetString() == first.Text("issue_id"));

        await using var again = await stream.WatchAsync(1, token);
        await again.SendAsync(Report);
        Assert.Equal(first.Text("issue_id"), (await again.WaitForAsync(EventNames.IssueReceived)).Text("issue_id"));
        await using var other = await stream.WatchAsync();
        await other.SendAsync(Report);
        Assert.NotEqual(first.Text("issue_id"), (await other.WaitForAsync(EventNames.IssueReceived)).Text("issue_id"));
        Assert.Equal(3, (await IssuesAsync(stream)).Count);
        Assert.Single(viewer.Of(EventNames.IssueReceived));
    }

    [Fact]
    public async Task S35_Report_NeedsTypeAndSeverityOnly_AndKeepsMembersItDoesNotKnow()
    {
        var stream = await Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.SendAsync("""{"event":"report_issue","data":{"issue_type":"lag","severity":"low"}}""");
        const string More = """{"gpu":{"name":"M3"}}""";
        await viewer.SendAsync(
            $$$"""{"event":"report_issue","data":{"issue_type":"other","severity":"high","description":"{{{new string('x', 4096)}}}","client_info":{{{More}}} }}""");
        await Eventually.TrueAsync(async () => (await IssuesAsync(stream)).Count == 2, "both are stored");
        var issue = Assert.Single(await IssuesAsync(stream), issue => issue.GetProperty("issue_type").GetString() == "other");
        Assert.Equal(4096, issue.GetProperty("description").GetString()!.Length);
        Assert.Equal("M3", issue.GetProperty("client_info").GetProperty("gpu").GetProperty("name").GetString());

        await viewer.SendAsync($$$"""{"event":"report_issue","data":{"issue_type":"lag","severity":"low","description":"{{{new string('x', 4097)}}}"}}""");
        Assert.True((await viewer.WaitForAsync(EventNames.Error)).IsRecoverable());
    }

    [Fact]
    public async Task S38_BinaryMessage_IsClosedWith1003()
    {
        await using var viewer = await (await Api.CreateStreamAsync()).WatchAsync();
        await viewer.SendAsync("""{"event":"pong","data":{}}"""u8.ToArray(), WebSocketMessageType.Binary);
        Assert.Equal(1003, await viewer.WaitForCloseAsync());
    }

    [Fact]
    public async Task S39_InvalidUtf8_IsClosedWith1007ThatArrives() =>
        await AssertArrivesAsync(RawFrame.Build(RawFrame.Text, [.. "{\"event\":\""u8, 0xFF]), 1007);

    public static TheoryData<byte[]> FramingErrors =>
    [
        RawFrame.Build(RawFrame.Text, "{}"u8, masked: false), RawFrame.Build(RawFrame.Text, "{}"u8, rsv: 4),
        RawFrame.Build(RawFrame.Text, "{}"u8, form: RawFrame.LengthForm.Bits64), RawFrame.Build(RawFrame.Ping, new byte[126]),
    ];

    [Theory]
    [MemberData(nameof(FramingErrors))]
    public async Task S40_FramingError_IsClosedWith1002ThatArrives(byte[] bytes) => await AssertArrivesAsync(bytes, 1002);

    /// <summary>Ten times, with much behind it: a server that closes on unread bytes loses its code to a reset, mostly.</summary>
    private async Task AssertArrivesAsync(byte[] bad, int code)
    {
        var stream = await Api.CreateStreamAsync();
        var token = await Api.TokenAsync();
        byte[] all = [.. bad, .. new byte[200 * 1024]];
        var codes = await Task.WhenAll(Enumerable.Range(0, 10).Select(async _ =>
        {
            await using var viewer = await RawViewer.WatchAsync(Api.Gateways[0], stream.Id, token);
            var sending = viewer.WriteAsync(all, within: TimeSpan.FromSeconds(30));
            var transcript = await viewer.ReadToEndAsync(
                async () =>
                {
                    await sending;
                    await viewer.AnswerCloseAsync();
                },
                TimeSpan.FromSeconds(30));
            return transcript.CloseCode;
        }));
        Assert.All(codes, arrived => Assert.Equal(code, arrived));
    }

    private async Task<IReadOnlyList<JsonElement>> IssuesAsync(TestStream stream)
    {
        var answer = await Api.SendAsync(HttpMethod.Get, $"/api/v1/issues?stream_id={stream.Id}", null, await Api.TokenAsync("ops", "operator"));
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        return [.. answer.Body.GetProperty("issues").EnumerateArray()];
    }
}
