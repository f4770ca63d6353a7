using System.Diagnostics;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>PROTOCOL.md 1.7: changes of quality.</summary>
public sealed class QualityRuleTests(NovaFixture nova) : RuleTests(nova)
{
    private static readonly string[] Qualities = ["720p", "1080p", "4k", "auto"];
    private static readonly string[] Reasons = ["adaptive_bitrate", "broadcaster_changed", "network_congestion", "quality_degradation"];

    [Fact]
    public Task R49_QualityChanged_IsSentOnceToEveryViewer() => RuleSteps.AssertWithinAsync(500, async () =>
    {
        var stream = await Api.StartStreamAsync();
        var (one, two) = await stream.WatchOnBothAsync();
        var asked = Stopwatch.GetTimestamp();
        await stream.PostAsync("quality", RuleSteps.Quality("720p", 3000));
        var taken = RuleSteps.Since(asked, await one.WaitForAsync(EventNames.QualityChanged), await two.WaitForAsync(EventNames.QualityChanged));
        await stream.EndAsync(one, two);
        Assert.Single(one.All(EventNames.QualityChanged));
        Assert.Single(two.All(EventNames.QualityChanged));
        await new[] { one, two }.DisposeAllAsync();
        return taken;
    });

    [Fact]
    public async Task R50_Qualities_FormAChain()
    {
        foreach (var changes in await ChangeAsync())
        {
            Assert.Equal(["1080p", .. Qualities.SkipLast(1)], changes.Select(change => change.Text("previous_quality")));
            Assert.Equal(Qualities, changes.Select(change => change.Text("new_quality")));
        }
    }

    [Fact]
    public async Task R51_NewQuality_IsOneOfFour_AndOthersAreRejected()
    {
        var stream = await Api.StartStreamAsync();
        var (one, two) = await stream.WatchOnBothAsync();
        foreach (var quality in Qualities)
        {
            await stream.PostAsync("quality", RuleSteps.Quality(quality, 3000));
        }

        foreach (var quality in new[] { "480p", "1080P", "" })
        {
            Assert.True((int)(await stream.TryPostAsync("quality", RuleSteps.Quality(quality, 3000))).Status is 400 or 422, quality);
        }

        await stream.EndAsync(one, two);
        foreach (var viewer in new[] { one, two })
        {
            Assert.Equal(Qualities, viewer.All(EventNames.QualityChanged).Select(change => change.Text("new_quality")));
        }

        await new[] { one, two }.DisposeAllAsync();
    }

    [Fact]
    public async Task R52_Bitrates_AreIntegersAndFormAChain()
    {
        foreach (var changes in await ChangeAsync())
        {
            for (var i = 0; i < changes.Count; i++)
            {
                changes[i].AssertIsInteger("previous_bitrate_kbps", i == 0 ? 5000 : 3000 + i - 1);
                changes[i].AssertIsInteger("new_bitrate_kbps", 3000 + i);
            }
        }
    }

    [Fact]
    public async Task R53_Fps_IsTheStreams()
    {
        var stream = await Api.StartStreamAsync();
        var (one, two) = await stream.WatchOnBothAsync();
        await stream.PostAsync("quality", RuleSteps.Quality("720p", 3000)); // Without fps: as they were.
        await stream.PostAsync("quality", """{"new_quality":"720p","new_bitrate_kbps":3001,"fps":24,"reason":"adaptive_bitrate"}""");
        foreach (var viewer in new[] { one, two })
        {
            (await viewer.WaitForBitrateAsync(3000)).AssertIsInteger("fps", 60);
            (await viewer.WaitForBitrateAsync(3001)).AssertIsInteger("fps", 24);
        }

        await new[] { one, two }.DisposeAllAsync();
    }

    [Fact]
    public async Task R54_Reason_IsOneOfFour_AndOthersAreRejected()
    {
        var stream = await Api.StartStreamAsync();
        var (one, two) = await stream.WatchOnBothAsync();
        foreach (var reason in Reasons)
        {
            await stream.PostAsync("quality", RuleSteps.Quality("720p", 3000, reason));
        }

        foreach (var reason in new[] { "because", "Adaptive_Bitrate", "" })
        {
            Assert.True((int)(await stream.TryPostAsync("quality", RuleSteps.Quality("720p", 3000, reason))).Status is 400 or 422, reason);
        }

        await stream.EndAsync(one, two);
        foreach (var viewer in new[] { one, two })
        {
            Assert.Equal(Reasons, viewer.All(EventNames.QualityChanged).Select(change => change.Text("reason")));
        }

        await new[] { one, two }.DisposeAllAsync();
    }

    [Fact]
    public async Task R55_Timestamp_IsAServersTimeInOrder()
    {
        foreach (var changes in await ChangeAsync())
        {
            Assert.All(changes, change => change.AssertIsTimestamp());
            Assert.Equal(changes.Select(change => change.Timestamp).Order(), changes.Select(change => change.Timestamp));
            Assert.InRange(DateTimeOffset.UtcNow - changes[^1].Timestamp, TimeSpan.FromSeconds(-2), Api.Patience);
        }
    }

    /// <summary>Each gateway's viewer's changes, of one to every quality.</summary>
    private async Task<IReadOnlyList<IReadOnlyList<Frame>>> ChangeAsync()
    {
        var stream = await Api.StartStreamAsync();
        var (one, two) = await stream.WatchOnBothAsync();
        for (var i = 0; i < Qualities.Length; i++)
        {
            await stream.PostAsync("quality", RuleSteps.Quality(Qualities[i], 3000 + i));
        }

        await stream.EndAsync(one, two);
        await new[] { one, two }.DisposeAllAsync();
        return [one.All(EventNames.QualityChanged), two.All(EventNames.QualityChanged)];
    }
}
