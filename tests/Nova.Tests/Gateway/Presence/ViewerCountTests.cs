using System.Net.WebSockets;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Gateway.Presence;

/// <summary>Counts over two gateways: exact, batched, and never another stream's.</summary>
public sealed class ViewerCountTests(NovaFixture nova)
{
    [Fact]
    public async Task JoinsAndLeaves_OfEveryKind_AreToldOnBothGateways()
    {
        var stream = await nova.Api.CreateStreamAsync();
        await using var watching = await stream.WatchAsync(gateway: 0);
        var own = await watching.WaitForAsync(EventNames.ViewerCountChanged);
        Assert.Equal((1, 1, 1), Numbers(own)); // The joiner hears its own +1 (S18).

        foreach (var leave in new Func<Viewer, Task>[]
        {
            viewer => viewer.CloseAsync(WebSocketCloseStatus.NormalClosure),
            viewer => viewer.CloseAsync(null),
            viewer =>
            {
                viewer.Abort();
                return Task.CompletedTask;
            },
        })
        {
            var joining = watching.Frames.Count;
            await using var viewer = await stream.WatchAsync(gateway: 1);
            Assert.Equal((2, 2, +1), Numbers(await watching.WaitForAsync(EventNames.ViewerCountChanged, from: joining)));
            var leaving = watching.Frames.Count;
            await leave(viewer);
            Assert.Equal((1, 2, -1), Numbers(await watching.WaitForAsync(EventNames.ViewerCountChanged, from: leaving)));
        }
    }

    [Fact]
    public async Task ManyJoinsAtOnce_AreFewMessagesThatAddUp()
    {
        const int Joins = 300;
        var stream = await nova.Api.CreateStreamAsync();
        var token = await nova.Api.TokenAsync();
        await using var watching = await stream.WatchAsync(viewerToken: token);
        var viewers = await Task.WhenAll(Enumerable.Range(0, Joins).Select(i => stream.WatchAsync(gateway: i % 2, token)));
        await watching.WaitForAsync(EventNames.ViewerCountChanged, data => data.GetProperty("viewer_count").GetInt32() == Joins + 1);

        var counts = watching.Frames.Where(frame => frame.Event == EventNames.ViewerCountChanged).ToList();
        Assert.InRange(counts.Count, 1, Joins / 2);
        Assert.Equal(Joins + 1, counts.Sum(frame => frame.Number("change")));
        Assert.All(counts, frame => Assert.True(frame.Number("peak_viewers") >= frame.Number("viewer_count")));
        Assert.Equal(counts.Select(frame => frame.Timestamp).Order(), counts.Select(frame => frame.Timestamp));

        await Task.WhenAll(viewers.Select(viewer => viewer.DisposeAsync().AsTask()));
        await watching.WaitForAsync(EventNames.ViewerCountChanged, data => data.GetProperty("viewer_count").GetInt32() == 1 && data.GetProperty("change").GetInt32() < 0);
    }

    [Fact]
    public async Task Sessions_OfOneToken_AreDistinctAndAllCount()
    {
        var stream = await nova.Api.CreateStreamAsync();
        var token = await nova.Api.TokenAsync("same person");
        await using var one = await stream.WatchAsync(0, token);
        await using var two = await stream.WatchAsync(1, token);
        await one.WaitForAsync(EventNames.ViewerCountChanged, data => data.GetProperty("viewer_count").GetInt32() == 2);
        var (first, second) = (one.Frames[0], two.Frames[0]);
        Assert.Equal(first.Text("viewer_id"), second.Text("viewer_id"));
        Assert.NotEqual(first.Text("session_id"), second.Text("session_id"));
    }

    [Fact]
    public async Task Counts_OfAnotherStream_AreNeverHeard()
    {
        var (quiet, busy) = (await nova.Api.CreateStreamAsync(), await nova.Api.CreateStreamAsync());
        await using var viewer = await quiet.WatchAsync();
        await using var first = await busy.WatchAsync();
        await using var second = await busy.WatchAsync();
        await first.WaitForAsync(EventNames.ViewerCountChanged, data => data.GetProperty("viewer_count").GetInt32() == 2);
        Assert.All(viewer.Frames, frame => Assert.Equal(quiet.Id, frame.Text("stream_id")));
    }

    private static (int Viewers, int Peak, int Change) Numbers(Frame count) =>
        (count.Number("viewer_count"), count.Number("peak_viewers"), count.Number("change"));
}
