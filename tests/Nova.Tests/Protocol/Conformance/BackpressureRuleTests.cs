using System.Diagnostics;
using Nova.Protocol;
using Nova.Tests.Support;
using Nova.Tests.SystemTests;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>1.13: viewers who fall behind.</summary>
public sealed class BackpressureRuleTests(NovaFixture nova) : RuleTests(nova)
{
    private const int EventsPerSecond = 30;

    /// <summary>
    /// 5,000 events instead of 40,000: beyond the first few hundred each more is dropped like the one before. What the viewer's own kernel took
    /// in before the stall is the oldest and comes first, whoever the server is; all that it finds there and at Nova together is less than 10 s
    /// of events at 30 a second, and that also bounds what Nova holds for it.
    /// </summary>
    [Fact]
    public async Task R109_ViewerThatStopsReading_FindsTheNewestLastAndLittleOfThePast()
    {
        const int Events = 5000;
        var (received, dropped) = await StallAsync(Events);
        Assert.True(dropped > 0);
        Assert.InRange(received, 1, 10 * EventsPerSecond);
    }

    [Fact]
    public async Task R110_ViewerThatLostMessages_IsToldHowMany()
    {
        const int Events = 1000;
        var (received, dropped) = await StallAsync(Events);
        Assert.True(dropped > 0);
        Assert.InRange(received + dropped, Events, Events + 1); // The newest of the dropped comes again as the present state.
    }

    private async Task<(int Received, int Dropped)> StallAsync(int events)
    {
        var stream = await Api.StartStreamAsync();
        await using var stalled = await RawViewer.WatchAsync(Api.Gateways[0], stream.Id, await Api.TokenAsync(), Ledger.ReceiveBuffer);
        await using var pace = await stream.WatchAsync();
        await using var flood = await Flood.OpenAsync(Nova.Stack, stream, pace);
        await flood.PublishAsync(events);
        var ledger = await Ledger.ReadAsync(stalled, events); // Ends with the newest.
        TestContext.Current.TestOutputHelper?.WriteLine($"{events} published, {ledger.Changes.Count} received, {ledger.Dropped} dropped");
        var numbers = ledger.Changes.Select(change => change.Number("new_bitrate_kbps")).ToList();
        Assert.Equal(numbers.Distinct().Order(), numbers);
        return (ledger.Changes.Count, ledger.Dropped);
    }
}

/// <summary>Alone: a measurement beside others measures the others.</summary>
[Collection(nameof(Alone))]
public sealed class OtherViewersRuleTests(NovaFixture nova) : RuleTests(nova)
{
    private const int Stalled = 50;
    private const int Samples = 150;
    private const int Attempts = 3;
    private const int Slow = 500;

    /// <summary>What is less than a tenth of a second is no difference to a viewer, and on a small machine no measurement.</summary>
    private static readonly TimeSpan Noise = TimeSpan.FromMilliseconds(100);

    [Fact]
    public async Task R111_ViewersThatStall_DoNotSlowTheOthers()
    {
        var stream = await Api.StartStreamAsync();
        await using var healthy = await stream.WatchAsync();
        var token = await Api.TokenAsync();
        var alone = await MeasureAsync(stream, healthy, first: 1);

        var stalled = await Task.WhenAll(Enumerable.Range(0, Stalled).Select(
            _ => RawViewer.WatchAsync(Api.Gateways[0], stream.Id, token, Ledger.ReceiveBuffer)));
        for (var i = 0; i < 400; i++)
        {
            await stream.ChangeQualityAsync(1);
        }

        // Whom stalled viewers slow is slowed each time; a machine that does something else for a moment is not.
        var (allowed, beside) = (alone * 2 > Noise ? alone * 2 : Noise, TimeSpan.MaxValue);
        var first = 1001;
        for (; beside > allowed && first < 1000 + (Attempts * Samples); first += Samples)
        {
            beside = await MeasureAsync(stream, healthy, first);
        }

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"p99 {alone.TotalMilliseconds:F1} ms alone, {beside.TotalMilliseconds:F1} ms beside {Stalled} that stall");
        Assert.InRange(beside, TimeSpan.Zero, allowed);
        var ledger = await Ledger.ReadAsync(stalled[0], first - 1); // They had stalled indeed.
        Assert.True(ledger.Dropped > 0);
        await Task.WhenAll(stalled.Select(viewer => viewer.DisposeAsync().AsTask()));
    }

    /// <summary>Each declares the greatest frame and sends a byte at a time of it; had that been allocated, it would be 125 MB.</summary>
    [Fact]
    public async Task R112_FiveHundredSlowGreatFrames_CostLittleMemoryAndDisturbNobody()
    {
        var stream = await Api.StartStreamAsync();
        var token = await Api.TokenAsync();
        await using var healthy = await stream.WatchAsync();
        var slow = new List<RawViewer>();
        foreach (var batch in Enumerable.Range(0, Slow).Chunk(50))
        {
            slow.AddRange(await Task.WhenAll(batch.Select(_ => RawViewer.WatchAsync(Api.Gateways[0], stream.Id, token))));
        }

        var before = GC.GetTotalMemory(forceFullCollection: true);
        await Task.WhenAll(slow.Select(viewer => viewer.WriteAsync(RawFrame.Header(RawFrame.Text, Limits.MaxMessageBytes))));
        for (var at = 0; at < 20; at++)
        {
            await Task.WhenAll(slow.Select(viewer => viewer.WriteAsync(RawFrame.Masked(" "u8, at))));
        }

        var p99 = await MeasureAsync(stream, healthy, first: 1);
        var each = (GC.GetTotalMemory(forceFullCollection: true) - before) / Slow;
        TestContext.Current.TestOutputHelper?.WriteLine($"{each:N0} bytes a connection; p99 {p99.TotalMilliseconds:F1} ms");
        Assert.InRange(each, long.MinValue, Limits.MaxMessageBytes / 8);
        Assert.InRange(p99, TimeSpan.Zero, TimeSpan.FromMilliseconds(500));
        await Task.WhenAll(slow.Select(viewer => viewer.DisposeAsync().AsTask()));
    }

    /// <summary>99 of 100 changes have reached the viewer this long after the broadcaster sent them.</summary>
    private static async Task<TimeSpan> MeasureAsync(TestStream stream, Viewer viewer, int first)
    {
        List<TimeSpan> times = [];
        for (var number = first; number < first + Samples; number++)
        {
            var (sent, from) = (Stopwatch.GetTimestamp(), viewer.Frames.Count);
            await stream.ChangeQualityAsync(number);
            var frame = await viewer.WaitForChangeAsync(number, from: from);
            times.Add(Stopwatch.GetElapsedTime(sent, frame.ReceivedAt));
        }

        return times.Order().ElementAt(Samples * 99 / 100 - 1);
    }
}
