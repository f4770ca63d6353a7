using System.Diagnostics;
using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.Standalone;
using Nova.Tests.Support;
using StackExchange.Redis;

namespace Nova.Tests.StreamState.Ingest;

/// <summary>Signs of life (PROTOCOL.md 3.2) and bitrate sampling (S33). One Nova with short times of its own.</summary>
public sealed class IngestTests(NovaFixture nova) : IAsyncLifetime
{
    private NovaStack _stack = null!;
    private Api _api = null!;

    public async ValueTask InitializeAsync()
    {
        _stack = await nova.StartStackAsync(new Dictionary<string, string?>
        {
            ["StreamState:HeartbeatTimeout"] = "00:00:01.5",
            ["StreamState:ReconnectGrace"] = "00:00:02",
            ["StreamState:SessionTimeout"] = "00:00:03",
            ["StreamState:IngestCheckInterval"] = "00:00:00.2",
        });
        _api = new Api(_stack);
    }

    public ValueTask DisposeAsync() => _stack.DisposeAsync();

    [Fact]
    public async Task HeartbeatsThatStop_AreALostConnection_AndAfterTheGraceTheEnd()
    {
        var stream = await _api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await stream.PostAsync("heartbeat");

        var lost = await viewer.WaitForAsync(EventNames.Error);
        Assert.Equal(("RTMP_CONNECTION_LOST", "RTMP broadcaster connection lost", "critical", false, "Refresh page or try again later"), (
            lost.Text("error_code"), lost.Text("error_message"), lost.Text("severity"), lost.Data.GetProperty("recoverable").GetBoolean(), lost.Text("suggested_action")));
        await using var late = await stream.WatchAsync();
        await late.WaitForAsync(EventNames.Error); // Still in force, so a late joiner is told (S15).

        var ended = await viewer.WaitForAsync(EventNames.StreamEnded);
        Assert.Equal("connection_lost", ended.Text("reason"));
        Assert.InRange((ended.Timestamp - lost.Timestamp).TotalSeconds, 1.9, 5);
        Assert.Equal(1000, await viewer.WaitForCloseAsync());
        Assert.Single(viewer.Events, EventNames.Error);
    }

    [Fact]
    public async Task HeartbeatWithinTheGrace_RestoresTheBroadcast()
    {
        var stream = await _api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await stream.PostAsync("heartbeat");
        await viewer.WaitForAsync(EventNames.Error, error => error.GetProperty("severity").GetString() == "critical");
        await stream.PostAsync("heartbeat");
        await viewer.WaitForAsync(EventNames.Error, error => error.GetProperty("severity").GetString() == "info");

        await using var late = await stream.WatchAsync();
        await late.WaitForAsync(EventNames.ViewerCountChanged);
        Assert.DoesNotContain(EventNames.Error, late.Events);
        Assert.DoesNotContain(EventNames.StreamEnded, viewer.Events);
    }

    [Fact]
    public async Task BroadcastWithoutHeartbeats_EndsWithSessionTimeout()
    {
        var stream = await _api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        var ended = await viewer.WaitForAsync(EventNames.StreamEnded);
        Assert.Equal("session_timeout", ended.Text("reason"));
        Assert.DoesNotContain(EventNames.Error, viewer.Events);
    }

    /// <summary>Measurements are signs of life, and Postgres is not told of each: the watch asks Redis before it ends a broadcast.</summary>
    [Fact]
    public async Task BroadcastWithMeasurementsAlone_StaysOn_AndEndsATimeoutAfterTheLast()
    {
        var stream = await _api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        var (started, last) = (Stopwatch.GetTimestamp(), 0L);
        while (Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(7)) // Two timeouts of 3 s and more.
        {
            last = Stopwatch.GetTimestamp();
            await stream.PostAsync("bitrate", """{"current_bitrate_kbps":4000}""");
            await Task.Delay(500);
        }

        Assert.DoesNotContain(EventNames.StreamEnded, viewer.Events);
        var ended = await viewer.WaitForAsync(EventNames.StreamEnded);
        Assert.Equal("session_timeout", ended.Text("reason"));
        Assert.InRange(Stopwatch.GetElapsedTime(last, ended.ReceivedAt).TotalSeconds, 2.9, 8);
    }

    [Fact]
    public async Task Measurements_TwiceASecond_LeaveEveryFiveToTenSecondsWithTheNewestValue()
    {
        var stream = await nova.Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        var kbps = 4000;
        while (viewer.Frames.Count(frame => frame.Event == EventNames.BitrateUpdate) < 3 && kbps < 4100)
        {
            await stream.PostAsync("bitrate", $$"""{"current_bitrate_kbps":{{++kbps}}}""");
            await Task.Delay(500);
        }

        var updates = viewer.Frames.Where(frame => frame.Event == EventNames.BitrateUpdate).ToList();
        Assert.Equal(3, updates.Count);
        Assert.Equal(4001, updates[0].Number("current_bitrate_kbps")); // The first leaves at once.
        foreach (var (earlier, later) in updates.Zip(updates.Skip(1)))
        {
            Assert.InRange(Stopwatch.GetElapsedTime(earlier.ReceivedAt, later.ReceivedAt).TotalSeconds, 4.75, 10);
            Assert.True(later.Number("current_bitrate_kbps") >= earlier.Number("current_bitrate_kbps") + 2, "An old measurement left, not the newest.");
        }

        Assert.All(updates, update => Assert.Equal(("1080p", "fair"), (update.Text("quality"), update.Text("health"))));
    }

    /// <summary>
    /// The event of a change is on its way from Postgres, and a measurement that comes meanwhile must not overtake it: viewers heard of a bitrate before the
    /// start. The script is told of the change and asked directly, since a relay that is slow just then cannot be ordered.
    /// </summary>
    [Fact]
    public async Task MeasurementDuringAChange_WaitsForItsEvent()
    {
        await using var redis = await ConnectionMultiplexer.ConnectAsync(_stack.ConnectionString("redis"));
        var stream = Guid.NewGuid();
        RedisKey[] key = [LiveKeys.Stream(stream)];
        async Task<string> RecordAsync(RedisValue signal) => string.Join(' ', (int[])(await redis.GetDatabase().ScriptEvaluateAsync(
            LiveScripts.RecordSignal, key, [LiveKeys.Channel(stream), "PUBLISH", 60, signal, "1080p", 5000, 2, 5000]))!);
        Task ChangeAsync(int by) => redis.GetDatabase().ScriptEvaluateAsync(LiveScripts.AnnounceChange, key, [by, 60]);

        await ChangeAsync(1);
        Assert.Equal("0 0 0 100 0", await RecordAsync(2900));
        Assert.Equal("0 0 0 0 0", await RecordAsync(2950)); // Its time is being kept.
        Assert.Equal("0 0 0 100 0", await RecordAsync("held")); // Still on its way: again.
        await ChangeAsync(-1);
        Assert.Equal("0 0 0 0 1", await RecordAsync("held"));
        Assert.Equal(2950, (int)await redis.GetDatabase().HashGetAsync(LiveKeys.Stream(stream), "sent_kbps"));
    }
}
