using System.Diagnostics;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>PROTOCOL.md 1.3: the greeting.</summary>
public sealed class ConnectionEstablishedRuleTests(NovaFixture nova) : RuleTests(nova)
{
    /// <summary>100 connects where the rule has 1,000: they share two processors with the system under test and with other tests.</summary>
    private const int Storm = 100;

    /// <summary>400 where the rule has 10,000, for the same reason: an id of few bits would repeat among them too.</summary>
    private const int Sessions = 400;

    [Fact]
    public async Task R13_ConnectionEstablished_IsTheFirstMessage()
    {
        var stream = await Api.StartStreamAsync();
        var token = await Api.TokenAsync();
        using var connected = new CancellationTokenSource();
        var publishing = Task.WhenAll(Enumerable.Range(0, 3).Select(_ => PublishAsync(stream, connected.Token)));
        var viewers = await Task.WhenAll(Enumerable.Range(0, Storm).Select(i => stream.WatchAsync(i % 2, token)));
        foreach (var viewer in viewers)
        {
            Assert.Equal(EventNames.ConnectionEstablished, (await viewer.FirstAsync()).Event);
        }

        await connected.CancelAsync();
        await publishing;
        await viewers.DisposeAllAsync();
    }

    [Fact]
    public async Task R14_ConnectionEstablished_IsSentImmediately()
    {
        var target = $"{(await Api.StartStreamAsync()).Path}/ws?token={await Api.TokenAsync()}";
        await RuleSteps.AssertWithinAsync(250, async () => await UntilGreetedAsync(target, 0));
        await RuleSteps.AssertWithinAsync(250, async () => await UntilGreetedAsync(target, 1));
        await RuleSteps.AssertWithinAsync(1000, async () =>
        {
            var taken = await Task.WhenAll(Enumerable.Range(0, Storm).Select(i => UntilGreetedAsync(target, i % 2)));
            return taken.Order().ElementAt(Storm * 99 / 100 - 1);
        });
    }

    [Fact]
    public async Task R16_StreamId_IsThePaths()
    {
        var stream = await Api.CreateStreamAsync();
        var (one, two) = await stream.WatchOnBothAsync();
        Assert.Equal((stream.Id, stream.Id), (one.Frames[0].Text("stream_id"), two.Frames[0].Text("stream_id")));
        await new[] { one, two }.DisposeAllAsync();
    }

    [Fact]
    public async Task R17_ViewerId_IsAUuidOfTheTokensSubject()
    {
        var (stream, other) = (await Api.CreateStreamAsync(), await Api.CreateStreamAsync());
        var (alice, bob) = ($"alice-{Guid.NewGuid():N}", $"bob-{Guid.NewGuid():N}");
        var first = await ViewerIdAsync(stream, 0, alice);
        Assert.True(Guid.TryParseExact(first, "D", out _), first);
        Assert.Equal(first, await ViewerIdAsync(stream, 1, alice));
        Assert.Equal(first, await ViewerIdAsync(other, 0, alice));
        Assert.NotEqual(first, await ViewerIdAsync(stream, 0, bob));
    }

    [Fact]
    public async Task R18_SessionId_IsUniquePerSession()
    {
        var target = $"{(await Api.CreateStreamAsync()).Path}/ws?token={await Api.TokenAsync()}";
        HashSet<string> ids = [];
        await Parallel.ForEachAsync(Enumerable.Range(0, Sessions), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
        {
            var id = (await RuleSteps.FirstMessageAsync(Api.Gateways[i % 2], target)).Text("session_id");
            Assert.NotEmpty(id);
            lock (ids)
            {
                Assert.True(ids.Add(id), $"{id} is the id of two sessions.");
            }
        });
        Assert.Equal(Sessions, ids.Count);
    }

    [Fact]
    public async Task R19_ProtocolVersion_IsTheStringOnePointZero()
    {
        var stream = await Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        Assert.Equal("\"1.0\"", (await viewer.FirstAsync()).Data.GetProperty("protocol_version").GetRawText());
    }

    [Fact]
    public async Task R20_Timestamp_IsTheServersTimeInUtcWithMilliseconds()
    {
        var stream = await Api.CreateStreamAsync();
        for (var gateway = 0; gateway < Api.Gateways.Count; gateway++)
        {
            var asked = DateTimeOffset.UtcNow;
            await using var viewer = await stream.WatchAsync(gateway);
            var greeting = await viewer.FirstAsync();
            greeting.AssertIsTimestamp();
            Assert.InRange(greeting.Timestamp, asked.AddSeconds(-2), DateTimeOffset.UtcNow.AddSeconds(2));
        }
    }

    /// <summary>Three of these are about 100 changes a second, or as many as the machine has left.</summary>
    private static async Task PublishAsync(TestStream stream, CancellationToken stop)
    {
        for (var kbps = 1000; !stop.IsCancellationRequested; kbps++)
        {
            await stream.PostAsync("quality", RuleSteps.Quality("720p", kbps));
            await Task.Delay(25, CancellationToken.None); // Stopped between two changes, not in one.
        }
    }

    private async Task<TimeSpan> UntilGreetedAsync(string target, int gateway)
    {
        await using var viewer = await RawViewer.OpenAsync(Api.Gateways[gateway]);
        Assert.Equal(101, (await viewer.UpgradeAsync(RawViewer.Request(Api.Gateways[gateway], target))).Status);
        var upgraded = Stopwatch.GetTimestamp();
        Assert.Equal(EventNames.ConnectionEstablished, (await viewer.ReadAsync())!.AsMessage().Event);
        return Stopwatch.GetElapsedTime(upgraded);
    }

    private async Task<string> ViewerIdAsync(TestStream stream, int gateway, string subject)
    {
        await using var viewer = await stream.WatchAsync(gateway, await Api.TokenAsync(subject));
        return (await viewer.FirstAsync()).Text("viewer_id");
    }
}

/// <summary>R15 takes minutes, beside all others.</summary>
[LongRunning]
public sealed class ConnectionEstablishedOnceRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task R15_ConnectionEstablished_IsSentExactlyOnce()
    {
        var stream = await Api.StartStreamAsync();
        var (one, two) = await stream.WatchOnBothAsync();
        for (var seconds = 0; seconds < 150; seconds += 10)
        {
            await Task.Delay(TimeSpan.FromSeconds(10));
            await stream.PostAsync("quality", RuleSteps.Quality("720p", 1000 + seconds));
            await one.SendAsync("""{"event":"pong","data":{}}""");
            await two.SendAsync("""{"event":"pong","data":{}}""");
        }

        await stream.EndAsync(one, two);
        foreach (var viewer in new[] { one, two })
        {
            Assert.Equal(1000, viewer.CloseCode);
            Assert.Single(viewer.Events, EventNames.ConnectionEstablished);
        }

        await new[] { one, two }.DisposeAllAsync();
    }
}
