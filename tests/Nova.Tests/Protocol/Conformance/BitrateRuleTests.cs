using System.Diagnostics;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>PROTOCOL.md 1.8: measurements of the bitrate, and what they say of the stream's health.</summary>
public sealed class BitrateRuleTests(NovaFixture nova) : RuleTests(nova)
{
    private const string OfMaximum6000 = """{"quality":"1080p","fps":60,"bitrate_kbps":5000,"max_bitrate_kbps":6000}""";

    [Fact]
    public async Task R57_Update_IsTheNewestMeasurement()
    {
        var stream = await Api.StartStreamAsync();
        var (one, two) = await stream.WatchOnBothAsync();
        for (var kbps = 4001; kbps <= 4006; kbps++)
        {
            await stream.PostAsync("bitrate", $$"""{"current_bitrate_kbps":{{kbps}}}""");
        }

        foreach (var viewer in new[] { one, two })
        {
            // The first leaves at once; of those that had to wait their turn, the newest is told and no other.
            var last = await viewer.WaitForAsync(EventNames.BitrateUpdate, data => data.GetProperty("current_bitrate_kbps").GetInt32() == 4006);
            Assert.Equal([4001, 4006], viewer.All(EventNames.BitrateUpdate).Select(update => update.Number("current_bitrate_kbps")));
            last.AssertIsInteger("current_bitrate_kbps", 4006);
            Assert.Equal((stream.Id, "1080p"), (last.Text("stream_id"), last.Text("quality")));
            last.AssertIsTimestamp();
            Assert.InRange(DateTimeOffset.UtcNow - last.Timestamp, TimeSpan.FromSeconds(-2), Api.Patience);
        }

        await new[] { one, two }.DisposeAllAsync();
    }

    [Fact]
    public Task R58_Health_AboveNinetyPercent_IsExcellent() => AssertHealthAsync(OfMaximum6000, "excellent", 5401, 6000, 7000);

    [Fact]
    public Task R59_Health_FromSeventyToNinetyPercent_IsGood() => AssertHealthAsync(OfMaximum6000, "good", 5400, 4200);

    [Fact]
    public Task R60_Health_FromFiftyToSeventyPercent_IsFair() => AssertHealthAsync(OfMaximum6000, "fair", 4199, 3000);

    [Fact]
    public Task R61_Health_BelowFiftyPercent_IsPoor() => AssertHealthAsync(OfMaximum6000, "poor", 2999, 0);

    [Fact]
    public Task R62_Health_OfTheDocumentsExample_IsGood() => AssertHealthAsync(RuleSteps.Start, "good", 4850);

    /// <summary>Each measurement is the first of a stream of its own: the first leaves at once.</summary>
    private Task AssertHealthAsync(string start, string health, params int[] measured) => Task.WhenAll(measured.Select(async kbps =>
    {
        var stream = await Api.StartStreamAsync(start);
        var (one, two) = await stream.WatchOnBothAsync();
        await stream.PostAsync("bitrate", $$"""{"current_bitrate_kbps":{{kbps}}}""");
        foreach (var viewer in new[] { one, two })
        {
            var update = await viewer.WaitForAsync(EventNames.BitrateUpdate);
            Assert.Equal((kbps, health), (update.Number("current_bitrate_kbps"), update.Text("health")));
        }

        await new[] { one, two }.DisposeAllAsync();
    }));
}

/// <summary>R56 takes the better part of a minute.</summary>
[LongRunning]
public sealed class BitratePeriodRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task R56_Updates_ComeEveryFiveToTenSeconds_AndOnlyOfWhatWasMeasured()
    {
        var stream = await Api.StartStreamAsync();
        var (one, two) = await stream.WatchOnBothAsync();
        var kbps = 4000;
        while (two.All(EventNames.BitrateUpdate).Count < 4 && kbps < 4060)
        {
            await stream.PostAsync("bitrate", $$"""{"current_bitrate_kbps":{{++kbps}}}""");
            await Task.Delay(1000);
        }

        await Task.Delay(TimeSpan.FromSeconds(12)); // Longer than any gap may be: whatever waited has left, and nothing else may.
        var told = two.All(EventNames.BitrateUpdate).Count;
        await Task.Delay(TimeSpan.FromSeconds(11));
        foreach (var viewer in new[] { one, two })
        {
            var updates = viewer.All(EventNames.BitrateUpdate);
            Assert.Equal(told, updates.Count);
            Assert.InRange(updates.Count, 4, 5);
            Assert.Distinct(updates.Select(update => update.Number("current_bitrate_kbps")));
            Assert.All(updates, update => Assert.InRange(update.Number("current_bitrate_kbps"), 4001, kbps));
            foreach (var (earlier, later) in updates.Zip(updates.Skip(1)))
            {
                // The server's own times: an arrival on a busy machine is late by what the machine adds. 10 % each way is the table's tolerance.
                Assert.InRange((later.Timestamp - earlier.Timestamp).TotalSeconds, 4.5, 11);
                Assert.InRange(Stopwatch.GetElapsedTime(earlier.ReceivedAt, later.ReceivedAt).TotalSeconds, 4, 15);
            }
        }

        await new[] { one, two }.DisposeAllAsync();
    }
}
