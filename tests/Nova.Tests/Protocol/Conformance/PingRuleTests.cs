using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Nova.Gateway;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

// 1.10: ping and pong, in real time. Each rule takes its own half minutes, so each is a class, and xunit runs them beside each other.

[LongRunning]
public sealed class PingIntervalRuleTests(NovaFixture nova) : RuleTests(nova)
{
    /// <summary>By the pings' own times to the second, as the rule has it; when they arrive on a busy machine, to a tenth of the interval.</summary>
    [Fact]
    public async Task R76_Ping_ComesEveryThirtySecondsAsAnEvent_WhateverElseGoesOn()
    {
        var stream = await Api.StartStreamAsync();
        await using var quiet = await stream.WatchAsync();
        await using var busy = await stream.WatchAsync(gateway: 1);
        for (var ping = 1; ping <= 4; ping++)
        {
            while (busy.Of(EventNames.Ping).Count < ping)
            {
                await busy.InfoAsync();
                await stream.ChangeQualityAsync(ping);
                await Task.Delay(500); // The traffic's own pace.
                Assert.InRange(Stopwatch.GetElapsedTime(busy.Frames[0].ReceivedAt).TotalSeconds, 0, (30 * ping) + 10);
            }

            await quiet.WaitForPingAsync(ping);
            await Task.WhenAll(quiet.PongAsync(ping), busy.PongAsync(ping));
        }

        foreach (var viewer in new[] { quiet, busy })
        {
            var pings = viewer.Of(EventNames.Ping);
            Assert.Equal(4, pings.Count);
            foreach (var (index, ping) in pings.Index())
            {
                var due = 30 * (index + 1);
                Assert.InRange((ping.Timestamp - viewer.Frames[0].Timestamp).TotalSeconds, due - 1, due + 1);
                Assert.InRange(Stopwatch.GetElapsedTime(viewer.Frames[0].ReceivedAt, ping.ReceivedAt).TotalSeconds, due - 3, due + 3);
            }
        }
    }
}

[LongRunning]
public sealed class PingSequenceRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task R77_Sequence_GrowsByOneOnEachConnectionOfItsOwn()
    {
        var stream = await Api.CreateStreamAsync();
        await using var first = await stream.WatchAsync();
        await first.WaitForPingAsync(1);
        await using var second = await stream.WatchAsync();
        await first.PongAsync(1);
        await second.WaitForPingAsync(1);
        await second.PongAsync(1);
        await first.WaitForPingAsync(2);
        await first.PongAsync(2);
        await first.WaitForPingAsync(3);
        await second.WaitForPingAsync(2);
        Assert.Equal([1, 2, 3], first.Of(EventNames.Ping).Select(ping => ping.Number("sequence")));
        Assert.Equal([1, 2], second.Of(EventNames.Ping).Select(ping => ping.Number("sequence")));
    }
}

public sealed class PingTimestampRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task R78_Timestamp_IsTheServersTime()
    {
        await using var viewer = await (await Api.CreateStreamAsync()).WatchAsync();
        var ping = await viewer.WaitForPingAsync(1);
        var now = DateTimeOffset.UtcNow;
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", ping.Text("timestamp"));
        Assert.InRange(ping.Timestamp, now.AddSeconds(-3), now.AddSeconds(2));
        Assert.Equal(["sequence", "timestamp"], ping.Data.EnumerateObject().Select(member => member.Name));
    }
}

public sealed class PongRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task R79_Pong_WithSequence_IsAcceptedWithoutReply()
    {
        await using var viewer = await (await Api.CreateStreamAsync()).WatchAsync();
        var ping = await viewer.WaitForPingAsync(1);
        var before = viewer.Frames.Count;
        await viewer.PongAsync(ping.Number("sequence"));
        await viewer.InfoAsync(); // Messages are answered in order: a reply to the pong would come before this one.
        Assert.Equal([EventNames.StreamInfo], viewer.Events.Skip(before));
    }
}

public sealed class RoundTripRuleTests(NovaFixture nova) : RuleTests(nova)
{
    private static readonly TimeSpan Delay = TimeSpan.FromSeconds(2);

    /// <summary>On a gateway of its own, or other tests' pongs would be measured, too; held back for more than a busy machine may take.</summary>
    [Fact]
    public async Task R80_RoundTrip_IsMeasuredByThePong()
    {
        await using var gateway = await OwnService.StartGatewayAsync(Nova.Stack);
        var meters = gateway.Services.GetRequiredService<IMeterFactory>();
        ConcurrentBag<double> seconds = [];
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Scope == meters && instrument.Name == "nova.gateway.ping_round_trip")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<double>((_, value, _, _) => seconds.Add(value));
        listener.Start();

        var stream = await Api.CreateStreamAsync();
        await using var prompt = await gateway.WatchAsync(stream);
        await using var slow = await gateway.WatchAsync(stream);
        await prompt.WaitForPingAsync(1);
        await prompt.PongAsync(1);
        await Eventually.TrueAsync(() => Task.FromResult(seconds.Count == 1), "a prompt pong's round trip is measured");

        var ping = await slow.WaitForPingAsync(1);
        await Task.Delay(Delay - Stopwatch.GetElapsedTime(ping.ReceivedAt)); // The delay is what is measured.
        await slow.PongAsync(1);
        await Eventually.TrueAsync(() => Task.FromResult(seconds.Count == 2), "the held back pong's round trip is measured");
        Assert.True(seconds.Max() >= Delay.TotalSeconds - 0.05 && seconds.Min() < seconds.Max(), $"{string.Join(", ", seconds)} s");
    }
}

[LongRunning]
public sealed class DeadDetectionRuleTests(NovaFixture nova) : RuleTests(nova)
{
    /// <summary>R96 from the other end: the minute runs from the last pong, whatever the server sent since.</summary>
    [Fact]
    public async Task R81_ViewerThatStopsAnswering_IsClosedAMinuteAfterItsLastPong()
    {
        await using var viewer = await (await Api.CreateStreamAsync()).WatchAsync();
        await viewer.WaitForPingAsync(1);
        var lastPong = Stopwatch.GetTimestamp();
        await viewer.PongAsync(1);
        await viewer.WaitForPingAsync(2);
        Assert.Equal(4408, await viewer.WaitForCloseAsync(TimeSpan.FromSeconds(60)));
        Ask.AssertIdleTimeout(Stopwatch.GetElapsedTime(lastPong));
    }
}

[LongRunning]
public sealed class UnansweredPingRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task R82_PingThatIsNotAnswered_ClosesNothing()
    {
        await using var viewer = await (await Api.CreateStreamAsync()).WatchAsync();
        var ping = await viewer.WaitForPingAsync(1);
        await Task.Delay(TimeSpan.FromSeconds(15) - Stopwatch.GetElapsedTime(ping.ReceivedAt)); // The rule's own 15 s.
        await viewer.InfoAsync();
        Assert.Null(viewer.CloseCode);
    }
}
