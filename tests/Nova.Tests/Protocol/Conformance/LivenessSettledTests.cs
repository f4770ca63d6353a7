using System.Diagnostics;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

// Part 2, S1 to S3: what keeps a connection alive. Classes of their own, since each takes its minute.

public sealed class PongSettledTests(NovaFixture nova) : RuleTests(nova)
{
    [Theory]
    [InlineData("""{"event":"pong","data":{"timestamp":"2025-10-21T10:50:00.500Z"}}""")]
    [InlineData("""{"event":"pong","data":{}}""")]
    [InlineData("""{"event":"pong"}""")]
    [InlineData("""{"event":"pong","data":{"sequence":4711}}""")]
    [InlineData("""{"event":"pong","data":{"sequence":"42"}}""")]
    [InlineData("""{"event":"pong","data":{"sequence":-1,"more":[]}}""")]
    public async Task S1_PongOfAnyShape_IsAcceptedInSilence(string pong)
    {
        await using var viewer = await (await Api.CreateStreamAsync()).WatchAsync();
        await viewer.WaitForCountAsync(1);
        var before = viewer.Frames.Count;
        await viewer.SendAsync(pong);
        await viewer.SendAsync(pong); // Nobody asked for the first, and this one says nothing new.
        await viewer.InfoAsync();
        Assert.Equal([EventNames.StreamInfo], viewer.Events.Skip(before));
    }
}

[LongRunning]
public sealed class UnsolicitedPongSettledTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task S1_UnsolicitedPong_CountsAsActivity()
    {
        await using var viewer = await (await Api.CreateStreamAsync()).WatchAsync();
        await Task.Delay(TimeSpan.FromSeconds(20)); // Before any ping.
        var pong = Stopwatch.GetTimestamp();
        await viewer.SendAsync("""{"event":"pong","data":{"timestamp":"2025-10-21T10:50:00.500Z"}}""");
        Assert.Equal(4408, await viewer.WaitForCloseAsync(TimeSpan.FromSeconds(75)));
        Ask.AssertIdleTimeout(Stopwatch.GetElapsedTime(pong));
    }
}

[LongRunning]
public sealed class IdleSettledTests(NovaFixture nova) : RuleTests(nova)
{
    /// <summary>None answers a ping; each says one thing, and is closed a minute after it, not ten seconds after the ping.</summary>
    [Fact]
    public async Task S2_OnlyTheIdleTimerCloses_AMinuteAfterTheLastMessageOfAnyKind()
    {
        var stream = await Api.CreateStreamAsync();
        string[] messages =
        [
            """{"event":"pong","data":{}}""",
            """{"event":"get_stream_info","data":{"request_id":"r"}}""",
            """{"event":"report_issue","data":{"issue_type":"lag","severity":"low"}}""",
        ];
        var viewers = await Task.WhenAll(messages.Select((_, i) => stream.WatchAsync(gateway: i % 2)));
        await Task.WhenAll(viewers.Zip(messages).Select(async pair =>
        {
            var (viewer, message) = pair;
            await viewer.WaitForPingAsync(1);
            await Task.Delay(TimeSpan.FromSeconds(12)); // The ping has timed out, and that closes nothing.
            var last = Stopwatch.GetTimestamp();
            await viewer.SendAsync(message);
            Assert.Equal(4408, await viewer.WaitForCloseAsync(TimeSpan.FromSeconds(75)));
            Ask.AssertIdleTimeout(Stopwatch.GetElapsedTime(last));
            await viewer.DisposeAsync();
        }));
    }
}

[LongRunning]
public sealed class ControlFrameSettledTests(NovaFixture nova) : RuleTests(nova)
{
    /// <summary>The raw viewer fails on any ping frame of the server's.</summary>
    [Fact]
    public async Task S3_ControlFrames_AreAnsweredAndAreNoActivity()
    {
        var stream = await Api.CreateStreamAsync();
        await using var viewer = await RawViewer.WatchAsync(Api.Gateways[0], stream.Id, await Api.TokenAsync());
        var connected = Stopwatch.GetTimestamp();
        var reading = viewer.ReadToEndAsync(viewer.AnswerCloseAsync, TimeSpan.FromSeconds(80));
        var sent = 0;
        while (!reading.IsCompleted && await viewer.WriteAsync(RawFrame.Build(RawFrame.Ping, "alive?"u8)))
        {
            sent++;
            await Task.WhenAny(reading, Task.Delay(TimeSpan.FromSeconds(5)));
        }

        var transcript = await reading;
        Assert.Equal(4408, transcript.CloseCode);
        Ask.AssertIdleTimeout(Stopwatch.GetElapsedTime(connected));
        Assert.InRange(transcript.Frames.Count(frame => frame is { Opcode: RawFrame.Pong, AsText: "alive?" }), sent - 1, sent);
        Assert.InRange(sent, 10, 15);
    }
}
