using System.Text;
using Nova.Gateway.Viewers;
using Nova.Protocol;

namespace Nova.Tests.Gateway.Viewers;

public sealed class ClientMessageParserTests
{
    /// <summary>What closes the connection with 1003 (S4).</summary>
    public static TheoryData<string> Fatal =>
    [
        "", "{", "nul", "{}x", "{} {}", "[]", "\"event\"", "42", "null", "\uFEFF{\"event\":\"pong\"}",
        """{}""", """{"data":{}}""", """{"event":5,"data":{}}""", """{"event":null,"data":{}}""",
        """{"event":"subscribe","data":{}}""", """{"event":"stream_started","data":{}}""", """{"event":"Pong","data":{}}""",
        """{"event":"pong","data":5}""", """{"event":"pong","event":"pong"}""",
        """{"event":"get_stream_info"}""", """{"event":"get_stream_info","data":{}}""", """{"event":"get_stream_info","data":[]}""",
        """{"event":"get_stream_info","data":{"request_id":""}}""", """{"event":"get_stream_info","data":{"request_id":7}}""",
        $$$"""{"event":"get_stream_info","data":{"request_id":"{{{new string('x', 129)}}}"}}""",
        """{"event":"get_stream_info","data":{"request_id":"\ud800"}}""",
        """{"event":"report_issue"}""", """{"event":"report_issue","data":{"severity":"low"}}""", """{"event":"report_issue","data":{"issue_type":"lag"}}""",
        new string('[', 10_000),
        """{"event":"report_issue","data":{"issue_type":"lag","severity":"low","client_info":{"x":"\ud800"}}}""",
    ];

    /// <summary>What is answered and forgiven (S5).</summary>
    public static TheoryData<string> Wrong =>
    [
        """{"issue_type":"noise","severity":"low"}""", """{"issue_type":"lag","severity":5}""", """{"issue_type":["lag"],"severity":"low"}""",
        """{"issue_type":"Lag","severity":"low"}""", """{"issue_type":"lag","severity":"low","description":5}""",
        $$"""{"issue_type":"lag","severity":"low","description":"{{new string('x', 4097)}}"}""",
        """{"issue_type":"lag","severity":"low","report_id":""}""", """{"issue_type":"lag","severity":"low","report_id":7}""",
        """{"issue_type":"lag","severity":"low","client_info":"x"}""", """{"issue_type":"lag","severity":"low","client_info":{"player":7}}""",
        """{"issue_type":"lag","severity":"low","client_info":{"bandwidth_estimate_kbps":-1}}""",
        """{"issue_type":"lag","severity":"low","client_info":{"a":[[[[[[[[1]]]]]]]]}}""",
        $$$"""{"issue_type":"lag","severity":"low","client_info":{"more":"{{{new string('x', 8192)}}}"}}""",
    ];

    [Theory]
    [MemberData(nameof(Fatal))]
    public void Parse_NotOfTheProtocol_IsFatal(string text)
    {
        var invalid = Assert.IsType<ClientMessage.Invalid>(Parse(text));
        Assert.True(invalid.Fatal);
        Assert.InRange(Encoding.UTF8.GetByteCount(invalid.Error), 1, Limits.CloseReasonBytes);
    }

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Parse_ReportWithAWrongValue_IsAnsweredAndForgiven(string data)
    {
        var invalid = Assert.IsType<ClientMessage.Invalid>(Parse($$"""{"event":"report_issue","data":{{data}}}"""));
        Assert.False(invalid.Fatal);
        Assert.Contains("data.", invalid.Error);
    }

    [Theory]
    [InlineData("""{"event":"pong"}""", null)]
    [InlineData("""{"event":"pong","data":{}}""", null)]
    [InlineData("""{"event":"pong","data":{"timestamp":"2025-10-21T10:50:00.500Z"}}""", null)]
    [InlineData("""{"event":"pong","data":{"sequence":"42"}}""", null)]
    [InlineData("""{"event":"pong","data":{"sequence":42}}""", 42L)]
    public void Parse_PongOfAnyShape_IsAPong(string text, long? sequence) =>
        Assert.Equal(new ClientMessage.Pong(sequence), Parse(text));

    [Fact]
    public void Parse_KeysSwappedSpacesAndUnknownMembers_AreFine() => Assert.Equal(
        new ClientMessage.GetStreamInfo("req-12345"),
        Parse(""" { "more" : [1] , "data" : { "x" : null , "request_id" : "req-12345" } , "event" : "get_stream_info" } """));

    [Fact]
    public void Parse_ReportWithClientInfo_KeepsMembersNovaDoesNotKnow()
    {
        var report = Assert.IsType<ClientMessage.ReportIssue>(Parse(
            """{"event":"report_issue","data":{"issue_type":"playback_error","severity":"high","description":null,"client_info":{"player":"x","gpu":"y"}}}"""));
        Assert.Equal((IssueType.PlaybackError, IssueSeverity.High, "", null), (report.Type, report.Severity, report.Description, report.ReportId));
        Assert.Equal("y", report.ClientInfo!.Value.GetProperty("gpu").GetString());
    }

    private static ClientMessage Parse(string text) => ClientMessageParser.Parse(Encoding.UTF8.GetBytes(text));
}
