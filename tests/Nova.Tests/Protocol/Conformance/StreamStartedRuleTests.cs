using System.Diagnostics;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>PROTOCOL.md 1.4: the stream's start, for those who wait for it and for those who come later.</summary>
public sealed class StreamStartedRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public Task R21_StreamStarted_IsSentOnceToThoseWhoWait() => RuleSteps.AssertWithinAsync(500, async () =>
    {
        var stream = await Api.CreateStreamAsync();
        var (one, two) = await stream.WatchOnBothAsync();
        var asked = Stopwatch.GetTimestamp();
        await stream.PostAsync("start", RuleSteps.Start);
        var taken = RuleSteps.Since(asked, await one.WaitForAsync(EventNames.StreamStarted), await two.WaitForAsync(EventNames.StreamStarted));
        await stream.EndAsync(one, two);
        Assert.Single(one.All(EventNames.StreamStarted));
        Assert.Single(two.All(EventNames.StreamStarted));
        await new[] { one, two }.DisposeAllAsync();
        return taken;
    });

    [Fact]
    public async Task R22_StreamStarted_IsTheSecondMessageOfThoseWhoComeLater()
    {
        var stream = await Api.StartStreamAsync();
        var (one, two) = await stream.WatchOnBothAsync();
        await stream.EndAsync(one, two);
        foreach (var viewer in new[] { one, two })
        {
            Assert.Equal([EventNames.ConnectionEstablished, EventNames.StreamStarted], viewer.Events.Take(2));
            Assert.Single(viewer.All(EventNames.StreamStarted));
        }

        await new[] { one, two }.DisposeAllAsync();
    }

    [Fact]
    public async Task R23_StreamStarted_IsNotSentBeforeTheStart()
    {
        var stream = await Api.CreateStreamAsync();
        var (one, two) = await stream.WatchOnBothAsync();
        await Task.Delay(TimeSpan.FromSeconds(5)); // The rule's own time: that nothing comes cannot be waited for otherwise.
        Assert.DoesNotContain(EventNames.StreamStarted, one.Events);
        Assert.DoesNotContain(EventNames.StreamStarted, two.Events);
        await new[] { one, two }.DisposeAllAsync();
    }

    [Fact]
    public async Task R24_Texts_AreWhatTheApiWasGiven()
    {
        const string Title = "“Quotes” \"and\" \\ 🎮\tünï\ncode \u2028";
        const string Description = "two\r\nlines, </script>, 𝄞 and 日本語";
        var stream = await Api.CreateStreamAsync(title: Title, description: Description);
        await using var early = await stream.WatchAsync();
        await stream.PostAsync("start", RuleSteps.Start);
        await using var late = await stream.WatchAsync(gateway: 1);
        foreach (var viewer in new[] { early, late })
        {
            var started = await viewer.WaitForAsync(EventNames.StreamStarted);
            Assert.Equal((stream.Id, stream.Broadcaster, Title, Description), (
                started.Text("stream_id"), started.Text("broadcaster_id"), started.Text("title"), started.Text("description")));
        }
    }

    [Fact]
    public async Task R25_Quality_IsTheInitialOne()
    {
        foreach (var started in await EarlyAndLateAsync())
        {
            Assert.Equal("4k", started.Text("quality"));
        }
    }

    [Fact]
    public async Task R26_Fps_IsTheInitialOne()
    {
        foreach (var started in await EarlyAndLateAsync())
        {
            started.AssertIsInteger("fps", 48);
        }
    }

    [Fact]
    public async Task R27_Bitrate_IsTheInitialOne()
    {
        foreach (var started in await EarlyAndLateAsync())
        {
            started.AssertIsInteger("bitrate_kbps", 15001);
        }
    }

    [Fact]
    public async Task R28_Timestamp_IsTheStartOfTheStream()
    {
        var stream = await Api.CreateStreamAsync();
        await using var early = await stream.WatchAsync();
        var answer = await stream.PostAsync("start", RuleSteps.Start);
        await using var late = await stream.WatchAsync(gateway: 1);
        var started = await early.WaitForAsync(EventNames.StreamStarted);
        started.AssertIsTimestamp();
        Assert.Equal(answer.Text("started_at"), started.Text("timestamp"));
        Assert.Equal(answer.Text("started_at"), (await late.WaitForAsync(EventNames.StreamStarted)).Text("timestamp"));
    }

    /// <summary>What a viewer before the start is told of it, and one who comes after the quality has changed.</summary>
    private async Task<IReadOnlyList<Frame>> EarlyAndLateAsync()
    {
        var stream = await Api.CreateStreamAsync();
        await using var early = await stream.WatchAsync();
        await stream.PostAsync("start", """{"quality":"4k","fps":48,"bitrate_kbps":15001}""");
        await stream.PostAsync("quality", """{"new_quality":"720p","new_bitrate_kbps":3000,"fps":30,"reason":"broadcaster_changed"}""");
        await early.WaitForBitrateAsync(3000);
        List<Frame> started = [await early.WaitForAsync(EventNames.StreamStarted)];
        foreach (var gateway in new[] { 0, 1 })
        {
            await using var late = await stream.WatchAsync(gateway);
            started.Add(await late.WaitForAsync(EventNames.StreamStarted));
        }

        return started;
    }
}
