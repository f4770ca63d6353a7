using System.Diagnostics;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>PROTOCOL.md 1.6: joins and leaves, as those who stay are told of them.</summary>
public sealed class ViewerCountRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task R39_Count_OnAJoin_GoesUpByOne()
    {
        var stream = await Api.CreateStreamAsync();
        foreach (var gateway in new[] { 0, 1 })
        {
            await using var watching = await StartWatchingAsync(stream);
            var alone = watching.Frames.Count;
            await using var joining = await stream.WatchAsync(gateway);
            AssertCount(await watching.WaitForAsync(EventNames.ViewerCountChanged, from: alone), 2, +1);
            await joining.CloseAsync();
            await watching.WaitForViewersAsync(1, from: alone);
            await watching.CloseAsync();
        }
    }

    [Fact]
    public async Task R40_Count_OnACleanLeave_GoesDownByOne()
    {
        var stream = await Api.CreateStreamAsync();
        await using var watching = await StartWatchingAsync(stream);
        foreach (var status in new WebSocketCloseStatus?[] { WebSocketCloseStatus.NormalClosure, null })
        {
            foreach (var gateway in new[] { 0, 1 })
            {
                await using var leaving = await JoinAsync(stream, gateway, watching);
                var both = watching.Frames.Count;
                await leaving.CloseAsync(status);
                AssertCount(await watching.WaitForAsync(EventNames.ViewerCountChanged, from: both), 1, -1);
            }
        }
    }

    [Fact]
    public async Task R41_Count_OnAnAbruptLeave_GoesDownWithinASecond()
    {
        var stream = await Api.CreateStreamAsync();
        var target = $"{stream.Path}/ws?token={await Api.TokenAsync()}";
        await using var watching = await StartWatchingAsync(stream);
        foreach (var isReset in new[] { true, false })
        {
            await RuleSteps.AssertWithinAsync(1000, async () =>
            {
                var alone = watching.Frames.Count;
                using var socket = await UpgradeBareAsync(Api.Gateways[1], target);
                await watching.WaitForViewersAsync(2, alone);
                var both = watching.Frames.Count;
                socket.LingerState = new LingerOption(isReset, 0);
                var left = Stopwatch.GetTimestamp();
                socket.Close();
                var told = await watching.WaitForAsync(EventNames.ViewerCountChanged, from: both);
                AssertCount(told, 1, -1);
                return RuleSteps.Since(left, told);
            });
        }
    }

    [Fact]
    public async Task R42_ViewerCount_AfterManyJoinsAndLeaves_IsExactOnBothGateways()
    {
        const int Joins = 40;
        var stream = await Api.StartStreamAsync();
        var (one, two) = await stream.WatchOnBothAsync();
        var token = await Api.TokenAsync();
        var joined = await Task.WhenAll(Enumerable.Range(0, Joins).Select(i => stream.WatchAsync(i % 2, token)));
        await one.WaitForViewersAsync(Joins + 2);
        var (ofOne, ofTwo) = (one.Frames.Count, two.Frames.Count);
        await Task.WhenAll(joined.Take(15).Select(viewer => viewer.CloseAsync()));
        await one.WaitForViewersAsync(Joins + 2 - 15, ofOne);
        await two.WaitForViewersAsync(Joins + 2 - 15, ofTwo);
        await stream.EndAsync(one, two);
        Assert.Equal(Joins + 2 - 15, one.All(EventNames.ViewerCountChanged)[^1].Number("viewer_count")); // It did not only pass by.
        Assert.Equal(Joins + 2 - 15, two.All(EventNames.ViewerCountChanged)[^1].Number("viewer_count"));
        await joined.Concat([one, two]).DisposeAllAsync();
    }

    [Fact]
    public async Task R43_PeakViewers_IsTheHighestCountOfTheBroadcast()
    {
        var counts = await ComeAndGoAsync();
        var highest = 0;
        foreach (var count in counts)
        {
            Assert.True(count.Number("peak_viewers") >= count.Number("viewer_count"), count.Raw);
            Assert.True(count.Number("peak_viewers") >= highest, count.Raw);
            highest = count.Number("peak_viewers");
        }

        Assert.Equal(counts.Max(count => count.Number("viewer_count")), highest);
        Assert.Equal(6, highest);
    }

    [Fact]
    public async Task R44_Change_IsSignedAndAddsUp()
    {
        var counts = await ComeAndGoAsync();
        Assert.Contains(counts, count => count.Number("change") > 0);
        Assert.Contains(counts, count => count.Number("change") < 0);
        foreach (var (earlier, later) in counts.Zip(counts.Skip(1)))
        {
            var isTheDifference = later.Number("change") == later.Number("viewer_count") - earlier.Number("viewer_count");
            Assert.True(isTheDifference, string.Join('\n', counts.Select(count => count.Raw)));
        }
    }

    [Fact]
    public async Task R45_Timestamp_IsAServersTimeThatNeverGoesBack()
    {
        var counts = await ComeAndGoAsync();
        Assert.All(counts, count => count.AssertIsTimestamp());
        Assert.Equal(counts.Select(count => count.Timestamp).Order(), counts.Select(count => count.Timestamp));
        Assert.InRange(DateTimeOffset.UtcNow - counts[^1].Timestamp, TimeSpan.FromSeconds(-2), Api.Patience);
    }

    [Fact]
    public async Task R46_Counts_OfAnotherStream_AreNeverSeen()
    {
        var (quiet, busy) = (await Api.CreateStreamAsync(), await Api.CreateStreamAsync());
        var (one, two) = await quiet.WatchOnBothAsync();
        var (first, second) = await busy.WatchOnBothAsync();
        await second.CloseAsync();
        await first.WaitForAsync(EventNames.ViewerCountChanged, data => data.GetProperty("change").GetInt32() < 0);
        foreach (var (viewer, stream) in new[] { (one, quiet), (two, quiet), (first, busy), (second, busy) })
        {
            Assert.All(viewer.All(EventNames.ViewerCountChanged), count => Assert.Equal(stream.Id, count.Text("stream_id")));
            Assert.All(viewer.All(EventNames.ViewerCountChanged), count => Assert.InRange(count.Number("viewer_count"), 1, 2));
        }

        await new[] { one, two, first, second }.DisposeAllAsync();
    }

    /// <summary>
    /// 200 joins, as fast as the machine makes them, where the rule has 500 in a second. One of three bursts must be told in half as many
    /// messages: a machine with other work may spread one over so many seconds that there is little to batch.
    /// </summary>
    [Fact]
    public async Task R48_ManyJoinsAtOnce_AreFewMessages()
    {
        const int Joins = 200;
        List<int> messages = [];
        do
        {
            messages.Add(await TellAsync(Joins));
        }
        while (messages[^1] > Joins / 2 && messages.Count < 3);

        Assert.InRange(messages[^1], 1, Joins / 2);
    }

    private static void AssertCount(Frame told, int viewers, int change)
    {
        told.AssertIsInteger("viewer_count", viewers);
        told.AssertIsInteger("change", change);
    }

    /// <summary>The first viewer of a stream, who knows that it is alone.</summary>
    private static async Task<Viewer> StartWatchingAsync(TestStream stream)
    {
        var viewer = await stream.WatchAsync();
        await viewer.WaitForViewersAsync(1);
        return viewer;
    }

    private static async Task<Viewer> JoinAsync(TestStream stream, int gateway, Viewer watching)
    {
        var before = watching.Frames.Count;
        var viewer = await stream.WatchAsync(gateway);
        await watching.WaitForViewersAsync(2, before);
        return viewer;
    }

    /// <summary>Every count that one viewer saw while five others came, three left and one came again.</summary>
    private async Task<IReadOnlyList<Frame>> ComeAndGoAsync()
    {
        var stream = await Api.StartStreamAsync();
        await using var watching = await StartWatchingAsync(stream);
        List<Viewer> others = [];
        for (var i = 0; i < 5; i++)
        {
            others.Add(await stream.WatchAsync(i % 2));
        }

        await watching.WaitForViewersAsync(6);
        var all = watching.Frames.Count;
        await Task.WhenAll(others.Take(3).Select(viewer => viewer.CloseAsync()));
        await watching.WaitForViewersAsync(3, all);
        var few = watching.Frames.Count;
        others.Add(await stream.WatchAsync(1));
        await watching.WaitForViewersAsync(4, few);
        await others.DisposeAllAsync();
        return watching.All(EventNames.ViewerCountChanged);
    }

    /// <returns>In how many messages that many joins at once are told.</returns>
    private async Task<int> TellAsync(int joins)
    {
        var stream = await Api.CreateStreamAsync();
        var token = await Api.TokenAsync();
        await using var watching = await StartWatchingAsync(stream);
        var alone = watching.Frames.Count;
        var viewers = await Task.WhenAll(Enumerable.Range(0, joins).Select(i => stream.WatchAsync(i % 2, token)));
        await watching.WaitForViewersAsync(joins + 1);
        var messages = watching.Frames.Skip(alone).Count(frame => frame.Event == EventNames.ViewerCountChanged);
        await viewers.DisposeAllAsync();
        return messages;
    }

    /// <summary>A socket that can be torn in either way, which a WebSocket client does not offer.</summary>
    private static async Task<Socket> UpgradeBareAsync(Uri gateway, string target)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(gateway.Host, gateway.Port);
        await socket.SendAsync(Encoding.ASCII.GetBytes(RawViewer.Request(gateway, target)));
        var buffer = new byte[4096];
        Assert.StartsWith("HTTP/1.1 101", Encoding.ASCII.GetString(buffer, 0, await socket.ReceiveAsync(buffer)));
        return socket;
    }
}

/// <summary>R41 of a viewer whose connection neither ends nor says anything, which takes a minute to be seen.</summary>
[LongRunning]
public sealed class ViewerCountHalfOpenRuleTests(NovaFixture nova) : RuleTests(nova)
{
    /// <summary>A client that reads and writes nothing is to the gateway what a stopped process is: its system still takes what it is sent.</summary>
    [Fact]
    public async Task R41_Count_OfAHalfOpenViewer_GoesDownAfterTheIdleTimeout()
    {
        var stream = await Api.CreateStreamAsync();
        await using var watching = await stream.WatchAsync();
        await watching.WaitForViewersAsync(1);
        var silentSince = Stopwatch.GetTimestamp();
        await using var silent = await RawViewer.WatchAsync(Api.Gateways[1], stream.Id, await Api.TokenAsync());
        await watching.WaitForViewersAsync(2);
        var both = watching.Frames.Count;
        await watching.SendAsync("""{"event":"pong","data":{}}""");
        await Task.Delay(TimeSpan.FromSeconds(30));
        await watching.SendAsync("""{"event":"pong","data":{}}""");
        var told = await watching.WaitForAsync(
            EventNames.ViewerCountChanged, data => data.GetProperty("change").GetInt32() == -1, TimeSpan.FromSeconds(50), both);
        Assert.InRange(RuleSteps.Since(silentSince, told).TotalSeconds, 59, 70);
    }
}
