using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.Standalone;
using Nova.Tests.Support;
using Nova.Tests.Support.Faults;
using Npgsql;
using static Nova.Tests.Support.Faults.LabSteps;

namespace Nova.Tests.Faults;

/// <summary>Broadcasters' signs of life are in Redis. What of them must not be lost with it is in Postgres, and Redis is told again.</summary>
[Collection(nameof(FaultCollection))]
[LongRunning]
public sealed class SilenceTests(NovaFixture nova) : IAsyncLifetime
{
    /// <summary>Redis is known to be back, its gap forgiven, and a heartbeat's time over.</summary>
    private static readonly TimeSpan Soon = Seconds(20);

    private readonly RedisServer _redis = new();
    private NovaStack _stack = null!;
    private Api _api = null!;

    public async ValueTask InitializeAsync()
    {
        await _redis.StartAsync();
        _stack = await nova.StartStackAsync(new Dictionary<string, string?>
        {
            ["ConnectionStrings:redis"] = _redis.Address,
            ["StreamState:HeartbeatTimeout"] = "00:00:02",
            ["StreamState:ReconnectGrace"] = "00:01:00",
            ["StreamState:IngestCheckInterval"] = "00:00:00.2",
        }, gateways: 2);
        _api = new Api(_stack);
    }

    public async ValueTask DisposeAsync()
    {
        await _stack.DisposeAsync();
        await _redis.DisposeAsync();
    }

    [Fact]
    public async Task FirstHeartbeatWhileRedisIsAway_IsRemembered_AndItsSilenceIsNoticed()
    {
        var stream = await _api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await _redis.KillAsync();
        await stream.PostAsync("heartbeat");
        await _redis.StartAsync();
        await WaitForLossAsync(viewer, Soon);
    }

    [Fact]
    public async Task LostBroadcasterComesBackWhileRedisIsAway_ViewersAreTold()
    {
        var stream = await _api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await stream.PostAsync("heartbeat");
        await WaitForLossAsync(viewer, Soon);
        await _redis.KillAsync();
        await stream.PostAsync("heartbeat");
        Assert.False(await IsLostAsync(stream), "Its grace would have gone on, and Redis cannot say otherwise.");
        await _redis.StartAsync();
        await Eventually.TrueAsync(
            async () =>
            {
                await stream.PostAsync("heartbeat"); // It is back for good: lost once more, viewers would be told of that alone.
                return viewer.Frames.Any(frame => frame.Event == EventNames.Error && frame.Text("severity") == "info");
            },
            "viewers are told that the broadcaster is back",
            Soon);
        await using var late = await stream.WatchAsync(gateway: 1); // Its room is made of the snapshot, which has the mild error.
        await late.WaitForAsync(EventNames.ViewerCountChanged);
        Assert.DoesNotContain(late.Frames, frame => frame.Event == EventNames.Error && frame.Text("error_code") != ErrorCodes.ServerError); // Its gateway may not have Redis back yet, and says so.
    }

    /// <summary>Redis failed over to a replica that had not heard of it yet: nothing but the sweep knows of the stream, once a minute.</summary>
    [Fact]
    public async Task RedisHasForgottenWhomToWatchFor_ASweepTellsItAgain()
    {
        var stream = await _api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await stream.PostAsync("heartbeat");
        var removed = await _redis.CliAsync("zrem", LiveKeys.DeadlinesOf(Guid.Parse(stream.Id)), stream.Id);
        Assert.Equal("1", removed.Trim());
        await WaitForLossAsync(viewer, Seconds(60) + Soon);
    }

    private async Task<bool> IsLostAsync(TestStream stream)
    {
        await using var database = NpgsqlDataSource.Create(_stack.ConnectionString("streams"));
        await using var select = database.CreateCommand("SELECT lost_at IS NOT NULL FROM ingest WHERE stream_id = $1");
        select.Parameters.Add(new() { Value = Guid.Parse(stream.Id) });
        return (bool)(await select.ExecuteScalarAsync())!;
    }

    private static Task WaitForLossAsync(Viewer viewer, TimeSpan within) => viewer.WaitForAsync(
        EventNames.Error,
        error => error.GetProperty("error_code").GetString() == "RTMP_CONNECTION_LOST" && error.GetProperty("severity").GetString() == "critical",
        within);
}
