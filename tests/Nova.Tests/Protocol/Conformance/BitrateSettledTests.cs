using System.Diagnostics;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>Part 2: measurements (S6, S33) and the times of events (S45).</summary>
public sealed class BitrateSettledTests(NovaFixture nova) : RuleTests(nova)
{
    [Theory]
    [InlineData("720p", null, 3601, "excellent")]
    [InlineData("720p", null, 3600, "good")]
    [InlineData("1080p", null, 4850, "good")] // The document's example.
    [InlineData("4k", null, 18_001, "excellent")]
    [InlineData("4k", null, 9999, "poor")]
    [InlineData("1080p", 5000, 4850, "excellent")] // 97 % of what was given.
    [InlineData("1080p", 10_000, 5000, "fair")]
    [InlineData("1080p", 10_000, 7000, "good")]
    [InlineData("1080p", 10_000, 4999, "poor")]
    public async Task S6_Health_IsAgainstTheStreamsMaximum(string quality, int? maximum, int kbps, string health)
    {
        var stream = await Api.StartStreamAsync(
            $$"""{"quality":"{{quality}}","fps":60,"bitrate_kbps":3000{{(maximum is null ? "" : $",\"max_bitrate_kbps\":{maximum}")}}}""");
        await using var viewer = await stream.WatchAsync();
        await viewer.WaitForCountAsync(1);
        await stream.PostAsync("bitrate", $$"""{"current_bitrate_kbps":{{kbps}}}""");
        var update = await viewer.WaitForAsync(EventNames.BitrateUpdate);
        Assert.Equal((kbps, health), (update.Number("current_bitrate_kbps"), update.Text("health")));
    }

    [Fact]
    public async Task S6_MaximumOfAuto_IsTheHighestRungSeen()
    {
        var stream = await Api.StartStreamAsync("""{"quality":"720p","fps":60,"bitrate_kbps":3000}""");
        await using var viewer = await stream.WatchAsync();
        await stream.ChangeQualityAsync(5000, "1080p");
        await stream.ChangeQualityAsync(5000, "auto");
        await viewer.WaitForAsync(EventNames.QualityChanged, change => change.GetProperty("new_quality").GetString() == "auto");
        await stream.PostAsync("bitrate", """{"current_bitrate_kbps":4850}""");
        Assert.Equal("good", (await viewer.WaitForAsync(EventNames.BitrateUpdate)).Text("health")); // 81 % of 6000
    }

    [Fact]
    public async Task S33_Measurements_LeaveAtOnceThenEveryFiveSeconds_AndNoneIsRepeated()
    {
        var stream = await Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.WaitForCountAsync(1);
        var sent = Stopwatch.GetTimestamp();
        await stream.PostAsync("bitrate", """{"current_bitrate_kbps":4001}""");
        var first = await viewer.WaitForAsync(EventNames.BitrateUpdate);
        Assert.InRange(Stopwatch.GetElapsedTime(sent, first.ReceivedAt).TotalSeconds, 0, 3);
        await stream.PostAsync("bitrate", """{"current_bitrate_kbps":4002}""");
        await stream.PostAsync("bitrate", """{"current_bitrate_kbps":4003}""");
        var second = await viewer.WaitForAsync(EventNames.BitrateUpdate, update => update.GetProperty("current_bitrate_kbps").GetInt32() != 4001);
        Assert.Equal(4003, second.Number("current_bitrate_kbps"));
        Assert.InRange((second.Timestamp - first.Timestamp).TotalSeconds, 4.75, 10);

        await Task.Delay(TimeSpan.FromSeconds(11)); // Longer than any measurement waits, and none comes.
        await viewer.InfoAsync();
        Assert.Equal(2, viewer.Of(EventNames.BitrateUpdate).Count);
    }
}

public sealed class EventTimeSettledTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task S45_EventTimes_AreGivenOnceAndNeverGoBack()
    {
        const int Changes = 100;
        var stream = await Api.StartStreamAsync();
        await using var one = await stream.WatchAsync(gateway: 0);
        await using var two = await stream.WatchAsync(gateway: 1);
        await one.WaitForCountAsync(2);
        await two.WaitForCountAsync(2);
        var before = (one.Frames.Count, two.Frames.Count);
        await Parallel.ForEachAsync(Enumerable.Range(1, Changes), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (number, _) =>
        {
            await stream.ChangeQualityAsync(number);
            if (number % 10 == 0)
            {
                await using var passing = await stream.WatchAsync(number / 10 % 2);
                await stream.PostAsync("bitrate", $$"""{"current_bitrate_kbps":{{number}}}""");
            }
        });
        await stream.PostAsync("end");
        await one.WaitForCloseAsync();
        await two.WaitForCloseAsync();

        var (told, alsoTold) = (one.OfStream(before.Item1), two.OfStream(before.Item2));
        Assert.Equal(told.Select(frame => frame.Raw), alsoTold.Select(frame => frame.Raw));
        Ask.AssertInOrderOfTime(told);
        var changes = one.Of(EventNames.QualityChanged).Select(change => change.Timestamp).ToList();
        Assert.Equal(Changes, changes.Distinct().Count()); // Each at least a millisecond after the one before.
    }
}
