using System.Globalization;
using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.Tests.Protocol.Conformance;
using Nova.Tests.Support;
using Nova.Tests.Support.Faults;
using static Nova.Tests.Support.Faults.LabSteps;

namespace Nova.Tests.Faults;

/// <summary>Presence costs by change, and counts stay true while gateways die and Redis forgets (S51, S52).</summary>
[Collection(nameof(FaultCollection))]
public sealed class PresenceTests(FaultLabFixture labs)
{
    /// <summary>S51: six viewers were told as eleven, for good, when five of them came back before their gateway's lease had ended.</summary>
    [Fact]
    public async Task GatewayIsKilled_ItsViewersComeBackAtOnce_NobodyIsCountedTwice()
    {
        var lab = await labs.HealthyLabAsync();
        await using var killed = await lab.StartGatewayAsync();
        var stream = await lab.Api.StartStreamAsync();
        await using var staying = await stream.WatchAsync(gateway: 0);
        List<Viewer> viewers = [];
        for (var i = 0; i < 5; i++)
        {
            viewers.Add(await killed.WatchAsync(stream, await lab.Api.TokenAsync($"back-{i}")));
        }

        await staying.WaitForViewersAsync(6);
        await killed.Service.KillAsync();
        for (var i = 0; i < 5; i++)
        {
            viewers.Add(await stream.WatchAsync(gateway: 1, await lab.Api.TokenAsync($"back-{i}")));
        }

        await Eventually.TrueAsync(
            async () => (await GatewaysOfAsync(lab, stream)).Count == 2, "the dead gateway's viewers are taken out", Seconds(15));
        var told = staying.All(EventNames.ViewerCountChanged);
        Assert.All(told, count => Assert.InRange(count.Number("viewer_count"), 1, 6));
        Assert.All(told, count => Assert.InRange(count.Number("peak_viewers"), count.Number("viewer_count"), 6));
        var answer = await stream.GetAsync();
        Assert.Equal((6, 6), (answer.Number("viewer_count"), answer.Number("peak_viewers")));

        await using var more = await stream.WatchAsync(gateway: 0); // A real seventh is told as soon as ever.
        await staying.WaitForViewersAsync(7);
        await stream.PostAsync("end");
        Assert.Equal(7, (await staying.WaitForAsync(EventNames.StreamEnded)).Number("peak_viewers"));
        await viewers.DisposeAllAsync();
    }

    /// <summary>S52: whoever reports first after the loss counts itself alone; nobody is told that.</summary>
    [Fact]
    public async Task RedisForgets_AndAViewerComesAtOnce_NoCountIsByHalves()
    {
        var lab = await labs.HealthyLabAsync();
        var stream = await lab.Api.StartStreamAsync();
        var viewers = await lab.WatchTogetherAsync(stream, 5);
        var seen = viewers.ConvertAll(viewer => viewer.Frames.Count);
        await lab.Redis.ExecuteAsync("FLUSHALL");
        await using var newcomer = await stream.WatchAsync(gateway: 0);
        await Task.WhenAll(viewers.Select(viewer => viewer.WaitForViewersAsync(6)));

        foreach (var (viewer, before) in viewers.Zip(seen))
        {
            Assert.All(viewer.Frames.Skip(before).Where(frame => frame.Event == EventNames.ViewerCountChanged), count => Assert.Equal(6, count.Number("viewer_count")));
        }

        var answer = await stream.GetAsync();
        Assert.Equal((6, 6), (answer.Number("viewer_count"), answer.Number("peak_viewers")));
        await viewers.DisposeAllAsync();
    }

    /// <summary>The end comes before all gateways have reported again: it says the newest count known before.</summary>
    [Fact]
    public async Task RedisForgets_AndTheStreamEndsAtOnce_ItsNumbersAreThoseBefore()
    {
        var lab = await labs.HealthyLabAsync();
        var stream = await lab.Api.StartStreamAsync();
        List<Viewer> viewers = [await stream.WatchAsync(gateway: 0), await stream.WatchAsync(gateway: 1), await stream.WatchAsync(gateway: 1)];
        await Task.WhenAll(viewers.Select(viewer => viewer.WaitForViewersAsync(3)));
        await Eventually.TrueAsync(() => IsPersistedAsync(lab, stream, 3), "the count is in PostgreSQL, which it is within 5 s", Seconds(10));
        await lab.Redis.ExecuteAsync("FLUSHALL");
        await stream.PostAsync("end");
        var ended = await viewers[0].WaitForAsync(EventNames.StreamEnded);
        Assert.Equal((3, 3), (ended.Number("final_viewer_count"), ended.Number("peak_viewers")));
        await viewers.DisposeAllAsync();
    }

    /// <summary>Redis was away for longer than any lease: it was not the gateways that died, and nobody is counted out.</summary>
    [Fact]
    public async Task RedisPausesForLongerThanALease_NobodyIsCountedOut()
    {
        var lab = await labs.HealthyLabAsync();
        var stream = await lab.Api.StartStreamAsync();
        List<Viewer> viewers = [await stream.WatchAsync(gateway: 0), await stream.WatchAsync(gateway: 1), await stream.WatchAsync(gateway: 1)];
        await Task.WhenAll(viewers.Select(viewer => viewer.WaitForViewersAsync(3)));
        var seen = viewers[0].Frames.Count;
        lab.Redis.Freeze();
        await Task.Delay(Seconds(12)); // A lease is 10 s.
        lab.Redis.Thaw();
        await using var newcomer = await stream.WatchAsync(gateway: 0);
        await viewers[0].WaitForViewersAsync(4);
        Assert.All(viewers[0].Frames.Skip(seen).Where(frame => frame.Event == EventNames.ViewerCountChanged), count => Assert.Equal(4, count.Number("viewer_count")));
        await viewers.DisposeAllAsync();
    }

    [Fact]
    public async Task QuietStreams_CostRedisNothing()
    {
        const int Streams = 40;
        var lab = await labs.HealthyLabAsync();
        var viewers = await lab.WatchAsync(await lab.StartStreamsAsync(Streams));
        await Eventually.TrueAsync( // Subscriptions and first counts are through, and so is what the faults before this test left to be reported again.
            async () => await ScriptsPerSecondAsync(lab, Seconds(2)) <= 8, "the streams are quiet", within: Seconds(60));
        var perSecond = await ScriptsPerSecondAsync(lab, Seconds(10));
        Note($"{perSecond:F1} scripts a second with {Streams} quiet streams.");
        Assert.InRange(perSecond, 0, 8); // Two gateways' leases; by stream and time it would be 24 more.
        await viewers.DisposeAllAsync();
    }

    /// <summary>What only the audit finds: a dead gateway that nobody remembers, and a number that is not this gateway's.</summary>
    [Fact]
    public async Task WhatIsWrongInRedis_IsPutRightWithinAMinute()
    {
        var lab = await labs.HealthyLabAsync();
        var stream = await lab.Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync(gateway: 0);
        await viewer.WaitForViewersAsync(1);
        var own = Assert.Single(await GatewaysOfAsync(lab, stream));
        var hash = LiveKeys.Stream(Guid.Parse(stream.Id));
        await lab.Redis.ExecuteAsync("HSET", hash, LiveKeys.ViewersOf($"{Guid.NewGuid():N}"), "3", LiveKeys.ViewersOf(own), "2");
        await Eventually.TrueAsync(
            async () => (string?)await lab.Redis.ExecuteAsync("HGET", hash, LiveKeys.ViewersOf(own)) == "1" && (await GatewaysOfAsync(lab, stream)).Count == 1,
            "the audit has put it right", Seconds(62));
        Assert.Equal(1, viewer.All(EventNames.ViewerCountChanged)[^1].Number("viewer_count"));
        Assert.Equal(1, (await stream.GetAsync()).Number("viewer_count"));
    }

    private static async Task<bool> IsPersistedAsync(FaultLab lab, TestStream stream, int viewers)
    {
        await using var connection = new Npgsql.NpgsqlConnection(lab.Postgres.Connection("streams").ConnectionString);
        await connection.OpenAsync();
        await using var command = new Npgsql.NpgsqlCommand("SELECT viewer_count = $2 FROM streams WHERE stream_id = $1", connection)
        {
            Parameters = { new() { Value = Guid.Parse(stream.Id) }, new() { Value = viewers } },
        };
        return await command.ExecuteScalarAsync() is true;
    }

    private static async Task<IReadOnlyList<string>> GatewaysOfAsync(FaultLab lab, TestStream stream) =>
        [.. LiveKeys.GatewaysOf((string[])(await lab.Redis.ExecuteAsync("HKEYS", LiveKeys.Stream(Guid.Parse(stream.Id))))!)];

    private static async Task<double> ScriptsPerSecondAsync(FaultLab lab, TimeSpan time)
    {
        var before = await ScriptsAsync(lab);
        await Task.Delay(time);
        return (await ScriptsAsync(lab) - before) / time.TotalSeconds;
    }

    private static async Task<long> ScriptsAsync(FaultLab lab)
    {
        var stats = (string)(await lab.Redis.ExecuteAsync("INFO", "commandstats"))!;
        return stats.Split('\n').Where(line => line.StartsWith("cmdstat_eval", StringComparison.Ordinal))
            .Sum(line => long.Parse(line.Split("calls=")[1].Split(',')[0], CultureInfo.InvariantCulture));
    }
}
