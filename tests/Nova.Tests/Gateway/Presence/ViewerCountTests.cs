using System.Diagnostics;
using System.Net.WebSockets;
using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.Tests.Support;
using StackExchange.Redis;

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

    /// <summary>S50: what a viewer gets does not grow with the gateways. Four that told each of their batches were 19 a second here.</summary>
    [Fact]
    public async Task Counts_OfFourGateways_AreNoMoreThanOfOne_AndTheLastOneArrives()
    {
        await using var stack = await nova.StartStackAsync(new Dictionary<string, string?>(), gateways: 4);
        var api = new Api(stack);
        var stream = await api.CreateStreamAsync();
        var token = await api.TokenAsync();
        await using var watching = await stream.WatchAsync(viewerToken: token);
        await watching.WaitForAsync(EventNames.ViewerCountChanged);
        var before = watching.Frames.Count;
        using var churning = new CancellationTokenSource(TimeSpan.FromSeconds(3));
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async gateway =>
        {
            while (!churning.IsCancellationRequested)
            {
                await using var viewer = await stream.WatchAsync(gateway, token);
            }
        }));
        await using var last = await stream.WatchAsync(gateway: 3, token);
        await Eventually.TrueAsync(() => Task.FromResult(Counts()[^1].Number("viewer_count") == 2), "the last count arrives", TimeSpan.FromSeconds(2));

        var counts = Counts();
        var seconds = Stopwatch.GetElapsedTime(counts[0].ReceivedAt, counts[^1].ReceivedAt).TotalSeconds;
        Assert.InRange(counts.Count, 10, (12.5 * 1.2 * seconds) + 2);
        Assert.Equal(1, counts.Sum(frame => frame.Number("change")));

        List<Frame> Counts() => [.. watching.Frames.Skip(before).Where(frame => frame.Event == EventNames.ViewerCountChanged)];
    }

    /// <summary>S52: what somebody else wrote into a stream's hash stops nothing.</summary>
    [Theory]
    [InlineData("nonsense")]
    [InlineData("5")]
    [InlineData("many 9999999999999")]
    [InlineData("")]
    public async Task Count_BesideAForeignField_IsRight(string value)
    {
        var stream = await nova.Api.StartStreamAsync();
        using var redis = await ConnectionMultiplexer.ConnectAsync(nova.Stack.ConnectionString("redis"));
        await redis.GetDatabase().HashSetAsync(LiveKeys.Stream(Guid.Parse(stream.Id)), "viewers:stranger", value);
        Assert.Equal(0, (await stream.GetAsync()).Number("viewer_count"));
        await using var viewer = await stream.WatchAsync();
        Assert.Equal((1, 1, +1), Numbers(await viewer.WaitForAsync(EventNames.ViewerCountChanged)));
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
