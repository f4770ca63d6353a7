using System.Diagnostics;
using Nova.Protocol;
using Nova.Standalone;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>PROTOCOL.md 1.5: the stream's end.</summary>
public sealed class StreamEndedRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public Task R29_StreamEnded_IsSentOnceToEveryViewer() => RuleSteps.AssertWithinAsync(500, async () =>
    {
        var stream = await Api.StartStreamAsync();
        var viewers = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => stream.WatchAsync(i % 2)));
        await viewers[0].WaitForViewersAsync(6);
        var asked = Stopwatch.GetTimestamp();
        await stream.EndAsync(viewers);
        var taken = RuleSteps.Since(asked, [.. viewers.Select(viewer => Assert.Single(viewer.All(EventNames.StreamEnded)))]);
        await viewers.DisposeAllAsync();
        return taken;
    });

    [Fact]
    public async Task R30_Duration_IsTheBroadcastsInSeconds()
    {
        var stream = await Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync(gateway: 1);
        var asked = Stopwatch.GetTimestamp();
        await stream.PostAsync("start", RuleSteps.Start);
        await Task.Delay(TimeSpan.FromSeconds(7));
        await stream.EndAsync(viewer);
        var ended = await viewer.WaitForAsync(EventNames.StreamEnded);
        ended.AssertIsInteger("duration_seconds", ended.Number("duration_seconds"));
        Assert.InRange(ended.Number("duration_seconds"), 6, (int)Math.Max(8, Stopwatch.GetElapsedTime(asked).TotalSeconds + 1));
    }

    [Fact]
    public async Task R31_PeakViewers_IsTheMostAtOnce() => (await EndAfterSevenCameAndFourLeftAsync()).AssertIsInteger("peak_viewers", 7);

    [Fact]
    public async Task R32_FinalViewerCount_IsThoseConnectedAtTheEnd() =>
        (await EndAfterSevenCameAndFourLeftAsync()).AssertIsInteger("final_viewer_count", 3);

    [Fact]
    public async Task R33_Reason_OfTheBroadcastersEnd_IsBroadcasterEnded()
    {
        Assert.Equal("broadcaster_ended", (await EndedAsync("{}")).Text("reason"));
        Assert.Equal("broadcaster_ended", (await EndedAsync("""{"reason":"broadcaster_ended"}""")).Text("reason"));
    }

    [Fact]
    public async Task R34_Reason_OfALostConnection_IsConnectionLost()
    {
        Assert.Equal("connection_lost", (await EndedAsync("""{"reason":"connection_lost"}""")).Text("reason"));

        await using var stack = await StartImpatientStackAsync();
        var stream = await new Api(stack).StartStreamAsync();
        await using var viewer = await stream.WatchAsync(gateway: 1);
        await stream.PostAsync("heartbeat"); // From now on more of them are expected, and none comes.
        Assert.Equal("connection_lost", (await viewer.WaitForAsync(EventNames.StreamEnded)).Text("reason"));
    }

    [Fact]
    public async Task R35_Reason_OfAnIdleBroadcast_IsSessionTimeout()
    {
        await using var stack = await StartImpatientStackAsync();
        var stream = await new Api(stack).StartStreamAsync();
        await using var viewer = await stream.WatchAsync(gateway: 1);
        await stream.PostAsync("bitrate", """{"current_bitrate_kbps":5000}""");
        Assert.Equal("session_timeout", (await viewer.WaitForAsync(EventNames.StreamEnded)).Text("reason"));

        Assert.Equal("session_timeout", (await EndedAsync("""{"reason":"session_timeout"}""")).Text("reason"));
    }

    [Fact]
    public async Task R36_Reason_OfAnEndByError_IsError_AndUnknownOnesAreRejected()
    {
        Assert.Equal("error", (await EndedAsync("""{"reason":"error"}""")).Text("reason"));

        var stream = await Api.StartStreamAsync();
        foreach (var reason in new[] { "\"bored\"", "\"Error\"", "5" })
        {
            Assert.True((int)(await stream.TryPostAsync("end", $$"""{"reason":{{reason}}}""")).Status is 400 or 422, reason);
        }

        Assert.Equal("active", (await stream.GetAsync()).Text("status"));
    }

    [Fact]
    public async Task R37_Timestamp_IsTheEnd()
    {
        var stream = await Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.WaitForViewersAsync(1);
        await stream.EndAsync(viewer);
        var (started, ended) = (viewer.All(EventNames.StreamStarted)[0], viewer.All(EventNames.StreamEnded)[0]);
        ended.AssertIsTimestamp();
        Assert.True(ended.Timestamp >= started.Timestamp, $"{started.Raw}\n{ended.Raw}");
        Assert.InRange(DateTimeOffset.UtcNow - ended.Timestamp, TimeSpan.FromSeconds(-2), Api.Patience);
    }

    [Fact]
    public async Task R38_Connection_ClosesAfterStreamEnded()
    {
        var stream = await Api.StartStreamAsync();
        var (one, two) = await stream.WatchOnBothAsync();
        await stream.PostAsync("end");
        foreach (var viewer in new[] { one, two })
        {
            await viewer.WaitForAsync(EventNames.StreamEnded);
            Assert.Equal(1000, await viewer.WaitForCloseAsync(TimeSpan.FromSeconds(5)));
            Assert.Equal(EventNames.StreamEnded, viewer.Events[^1]);
        }

        await new[] { one, two }.DisposeAllAsync();
    }

    private async Task<Frame> EndedAsync(string body)
    {
        var stream = await Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync(gateway: 1);
        await viewer.WaitForViewersAsync(1);
        await stream.PostAsync("end", body);
        return await viewer.WaitForAsync(EventNames.StreamEnded);
    }

    private async Task<Frame> EndAfterSevenCameAndFourLeftAsync()
    {
        var stream = await Api.StartStreamAsync();
        var viewers = await Task.WhenAll(Enumerable.Range(0, 7).Select(i => stream.WatchAsync(i % 2)));
        await viewers[0].WaitForViewersAsync(7);
        var come = viewers[0].Frames.Count;
        await Task.WhenAll(viewers.Skip(3).Select(viewer => viewer.CloseAsync()));
        await viewers[0].WaitForViewersAsync(3, from: come);
        await stream.PostAsync("end");
        var ended = await viewers[0].WaitForAsync(EventNames.StreamEnded);
        await viewers.DisposeAllAsync();
        return ended;
    }

    /// <summary>A Nova that waits seconds where the usual one waits minutes.</summary>
    private Task<NovaStack> StartImpatientStackAsync() => Nova.StartStackAsync(
        new Dictionary<string, string?>
        {
            ["StreamState:HeartbeatTimeout"] = "00:00:01.5",
            ["StreamState:ReconnectGrace"] = "00:00:02",
            ["StreamState:SessionTimeout"] = "00:00:03",
            ["StreamState:IngestCheckInterval"] = "00:00:00.2",
        },
        gateways: 2);
}
