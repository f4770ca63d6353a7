using Microsoft.Extensions.DependencyInjection;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>1.13: the order of messages.</summary>
public sealed class OrderingRuleTests(NovaFixture nova) : RuleTests(nova)
{
    /// <summary>1,000 instead of 5,000, as fast as the API takes them one after the other: the machine has other tests to run.</summary>
    [Fact]
    public async Task R98_NumberedEvents_ArriveInOrderWithoutARepeatOrAGapOnBothGateways()
    {
        const int Events = 1000;
        var stream = await Api.StartStreamAsync();
        await using var one = await stream.WatchAsync(gateway: 0);
        await using var two = await stream.WatchAsync(gateway: 1);
        for (var number = 1; number <= Events; number++)
        {
            await stream.ChangeQualityAsync(number);
            if (number % 100 == 0)
            {
                await one.SendAsync("""{"event":"pong"}"""); // On a busy machine this takes longer than silence may.
                await two.SendAsync("""{"event":"pong"}""");
            }
        }

        foreach (var viewer in new[] { one, two })
        {
            await viewer.WaitForChangeAsync(Events);
            Assert.Empty(viewer.Of(EventNames.Error));
            Assert.Equal(Enumerable.Range(1, Events), viewer.Of(EventNames.QualityChanged).Select(change => change.Number("new_bitrate_kbps")));
        }
    }

    /// <summary>The raw viewer holds every frame against RFC 6455, however many of them one segment brings.</summary>
    [Fact]
    public async Task R99_EventsInQuickSuccession_AreFramesOfOneEnvelopeEach()
    {
        const int Bursts = 4;
        const int Burst = 80; // A backlog holds them: however late this viewer reads on a busy machine, none is dropped.
        var stream = await Api.StartStreamAsync();
        await using var raw = await RawViewer.WatchAsync(Api.Gateways[0], stream.Id, await Api.TokenAsync());
        await using var pace = await stream.WatchAsync();
        await using var flood = await Flood.OpenAsync(Nova.Stack, stream, pace);
        List<int> numbers = [];
        for (var burst = 1; burst <= Bursts; burst++)
        {
            var reading = Ledger.ReadAsync(raw, burst * Burst);
            await flood.PublishAsync(Burst);
            numbers.AddRange((await reading).Changes.Select(change => change.Number("new_bitrate_kbps")));
        }

        Assert.Equal(Enumerable.Range(1, Bursts * Burst), numbers);
    }
}

public sealed class TimestampRuleTests(NovaFixture nova) : RuleTests(nova)
{
    /// <summary>
    /// Of the stream's events. What a gateway says for itself (the greeting, pings, answers) has its own clock's time, which is no matter of the
    /// stream's order.
    /// </summary>
    [Fact]
    public async Task R100_Timestamps_OrderAStreamsEventsAlsoBehindAGatewayWhoseClockIsWrong()
    {
        await using var skewed = await OwnService.StartGatewayAsync(
            Nova.Stack, services: services => services.AddSingleton<TimeProvider>(new SkewedTime(TimeSpan.FromSeconds(5))));
        var stream = await Api.CreateStreamAsync();
        await using var right = await stream.WatchAsync();
        await using var wrong = await skewed.WatchAsync(stream);
        await wrong.WaitForCountAsync(2);
        Assert.InRange((wrong.Frames[0].Timestamp - DateTimeOffset.UtcNow).TotalSeconds, 1, 6); // The clock is wrong indeed.

        await stream.PostAsync("start", """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""");
        for (var number = 1; number <= 30; number++)
        {
            await stream.ChangeQualityAsync(number);
            await stream.PostAsync("bitrate", $$"""{"current_bitrate_kbps":{{number}}}""");
            await using var passing = number % 2 == 0 ? await skewed.WatchAsync(stream) : await stream.WatchAsync(number % 4 / 2);
        }

        await stream.PostAsync("error", Ask.IngestTrouble);
        await stream.PostAsync("end");
        foreach (var viewer in new[] { right, wrong })
        {
            Assert.Equal(1000, await viewer.WaitForCloseAsync());
            Assert.True(viewer.Frames.Count > 33, $"{viewer.Frames.Count}: the start, 30 changes, an error, the end, and counts");
            Ask.AssertInOrderOfTime(viewer.OfStream(from: 1));
        }

        static string Tail(Viewer viewer) =>
            string.Join('\n', viewer.OfStream(from: 0).SkipWhile(frame => frame.Event != EventNames.StreamStarted).Select(frame => frame.Raw));
        Assert.Equal(Tail(right), Tail(wrong)); // No gateway stamps anew what it forwards.
    }

    private sealed class SkewedTime(TimeSpan skew) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + skew;
    }
}
