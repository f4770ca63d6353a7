using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>Part 2: what is counted, and who hears of it (S17 to S20).</summary>
public sealed class CountSettledTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task S17_Count_IsOfOpenSessions_NotOfPeople()
    {
        var stream = await Api.StartStreamAsync();
        var token = await Api.TokenAsync("one person");
        var viewers = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => stream.WatchAsync(i % 2, token)));
        await viewers[0].WaitForCountAsync(6);
        await viewers[5].CloseAsync();
        await viewers[0].WaitForAsync(
            EventNames.ViewerCountChanged, count => count.GetProperty("viewer_count").GetInt32() == 5 && count.GetProperty("change").GetInt32() < 0);
        await Task.WhenAll(viewers.Select(viewer => viewer.DisposeAsync().AsTask()));
    }

    [Fact]
    public async Task S18_Joiner_HearsItsOwnCountAfterTheStart()
    {
        var stream = await Api.StartStreamAsync();
        await using var first = await stream.WatchAsync(gateway: 0);
        await first.WaitForCountAsync(1);
        await using var second = await stream.WatchAsync(gateway: 1);
        await second.WaitForCountAsync(2);
        foreach (var (number, viewer) in new[] { (1, first), (2, second) })
        {
            Assert.Equal([EventNames.ConnectionEstablished, EventNames.StreamStarted, EventNames.ViewerCountChanged], viewer.Events.Take(3));
            Assert.Equal((number, 1), (viewer.Frames[2].Number("viewer_count"), viewer.Frames[2].Number("change")));
        }
    }

    /// <summary>The upgrade and the close leave in one write, so that coming and going fall into one interval of counting, mostly.</summary>
    [Fact]
    public async Task S19_JoinAndLeaveAtOnce_IsNoNews()
    {
        const int Passing = 20;
        var stream = await Api.StartStreamAsync();
        var token = await Api.TokenAsync();
        await using var watching = await stream.WatchAsync(gateway: 0);
        await using (var second = await stream.WatchAsync(gateway: 0))
        {
            await watching.WaitForCountAsync(2); // A peak that one more does not raise.
        }

        await watching.WaitForAsync(EventNames.ViewerCountChanged, count => count.GetProperty("change").GetInt32() == -1);
        var before = watching.Frames.Count;
        for (var i = 0; i < Passing; i++)
        {
            await using var passing = await RawViewer.OpenAsync(Api.Gateways[0]);
            var answer = await passing.UpgradeAsync(RawViewer.Request(Api.Gateways[0], $"{stream.Path}/ws?token={token}"), RawFrame.OfClose(1000));
            Assert.Equal(101, answer.Status);
            await passing.ReadToEndAsync();
        }

        await using var last = await stream.WatchAsync(gateway: 1);
        await watching.WaitForAsync(EventNames.ViewerCountChanged, count => count.GetProperty("viewer_count").GetInt32() == 2, from: before);
        await watching.InfoAsync();
        var counts = watching.Frames.Skip(before).Where(frame => frame.Event == EventNames.ViewerCountChanged).ToList();
        Assert.All(counts, count => Assert.NotEqual(0, count.Number("change")));
        Assert.InRange(counts.Count, 1, Passing); // Each passer-by told twice would be 40 and the last one.
    }

    [Fact]
    public async Task S20_Change_IsFromTheLastCountThatWasSent()
    {
        var stream = await Api.StartStreamAsync();
        var token = await Api.TokenAsync();
        await using var watching = await stream.WatchAsync(viewerToken: token);
        var viewers = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => stream.WatchAsync(i % 2, token)));
        await watching.WaitForCountAsync(61);
        var before = watching.Frames.Count;
        await Task.WhenAll(viewers.Take(40).Select(viewer => viewer.CloseAsync()));
        await watching.WaitForAsync(EventNames.ViewerCountChanged, count => count.GetProperty("viewer_count").GetInt32() == 21, from: before);
        var last = 0;
        foreach (var count in watching.Of(EventNames.ViewerCountChanged))
        {
            Assert.Equal(count.Number("viewer_count") - last, count.Number("change"));
            last = count.Number("viewer_count");
        }

        await Task.WhenAll(viewers.Select(viewer => viewer.DisposeAsync().AsTask()));
    }
}
