using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>1.12: messages that cannot be parsed.</summary>
public sealed class ParsingRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Theory]
    [InlineData("{")]
    [InlineData("nul")]
    [InlineData("{}x")]
    [InlineData("")]
    [InlineData("""{"event":"pong","data":{}} {"event":"pong","data":{}}""")]
    public async Task R95a_InvalidJson_IsClosedWith1003(string message) => await AssertClosedAsync(message);

    [Theory]
    [InlineData("""{"data":{}}""")]
    [InlineData("""{"event":"get_stream_info"}""")]
    [InlineData("""{"event":"report_issue"}""")]
    [InlineData("""{"event":"get_stream_info","data":{}}""")]
    [InlineData("""{"event":"report_issue","data":{"severity":"low"}}""")]
    [InlineData("""{"event":"report_issue","data":{"issue_type":"lag"}}""")]
    public async Task R95b_MissingField_IsClosedWith1003(string message) => await AssertClosedAsync(message);

    [Theory]
    [InlineData("""{"event":"subscribe","data":{}}""")]
    [InlineData("""{"event":"stream_started","data":{}}""")]
    [InlineData("""{"event":"viewer_count_changed","data":{"viewer_count":1000000}}""")]
    public async Task R95c_UnknownEvent_IsClosedWith1003(string message) => await AssertClosedAsync(message);

    [Fact]
    public async Task R95d_OtherViewers_AreNotAffected()
    {
        var stream = await Api.StartStreamAsync();
        await using var near = await stream.WatchAsync();
        await using var far = await stream.WatchAsync(gateway: 1);
        foreach (var message in new[] { "{", """{"event":"get_stream_info"}""", """{"event":"stream_ended","data":{}}""" })
        {
            await using var bad = await stream.WatchAsync();
            await bad.SendAsync(message);
            Assert.Equal(1003, await bad.WaitForCloseAsync());
        }

        await stream.ChangeQualityAsync(3000);
        foreach (var other in new[] { near, far })
        {
            await other.WaitForAsync(EventNames.QualityChanged);
            await other.InfoAsync();
            Assert.DoesNotContain(EventNames.Error, other.Events);
            Assert.DoesNotContain(EventNames.StreamEnded, other.Events);
            Assert.Null(other.CloseCode);
        }
    }

    private async Task AssertClosedAsync(string message)
    {
        await using var viewer = await (await Api.CreateStreamAsync()).WatchAsync(gateway: 1);
        await viewer.SendAsync(message);
        Assert.Equal(1003, await viewer.WaitForCloseAsync());
    }
}
