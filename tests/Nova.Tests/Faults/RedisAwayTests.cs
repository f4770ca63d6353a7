using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Support;
using Nova.Tests.Support.Faults;
using static Nova.Tests.Support.Faults.LabSteps;

namespace Nova.Tests.Faults;

/// <summary>
/// PostgreSQL has the state, so publishers do not wait for Redis: what is asked of it beside a call may cost 100 ms more than with Redis there.
/// </summary>
[Collection(nameof(FaultCollection))]
public sealed class RedisAwayTests(FaultLabFixture labs)
{
    private const int Streams = 48;
    private const int Publishers = 4;
    private const double ExtraMilliseconds = 150;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task RedisIsAway_ChangesBitratesAndHeartbeats_AreAnsweredAtOnce(bool hangs)
    {
        var lab = await labs.HealthyLabAsync();
        var streams = await lab.StartStreamsAsync(Streams);
        await CallAllAsync(lab, await lab.StartStreamsAsync(Publishers)); // The first calls are slow in any case.
        var usual = await CallAllAsync(lab, await lab.StartStreamsAsync(Streams / 3));
        var logged = lab.States.Select(state => state.Service.Process.Lines.Count).ToList();
        if (hangs)
        {
            lab.Redis.Freeze();
        }
        else
        {
            await lab.Redis.KillAsync();
        }

        var calls = await CallAllAsync(lab, streams);
        foreach (var (name, ofName) in calls)
        {
            Note($"{name}: {Call.Report(ofName)}");
        }

        foreach (var (name, ofName) in calls)
        {
            Assert.True(
                ofName.All(call => call.IsSuccess) && Call.Percentile(ofName, 95) <= Call.Percentile(usual[name], 95) + ExtraMilliseconds,
                $"{name}: {Call.Report(ofName)}; with Redis: {Call.Report(usual[name])}");
        }

        Assert.DoesNotContain(
            lab.States.Zip(logged).SelectMany(state => state.First.Service.Process.Lines.Skip(state.Second)),
            line => line.Contains("pool has been exhausted", StringComparison.Ordinal));
    }

    /// <summary>Was: whoever came while Redis was away saw a state that stood still, and nothing said so.</summary>
    [Fact]
    public async Task RedisIsAway_AViewerWhoComes_GetsTheState_AndIsWarnedLikeTheOthers()
    {
        var lab = await labs.HealthyLabAsync();
        var stream = await lab.Api.StartStreamAsync();
        await using var early = await stream.WatchAsync();
        await early.WaitForAsync(EventNames.ViewerCountChanged);
        await lab.Redis.KillAsync();
        await early.WaitForAsync(EventNames.Error, IsWarning);
        await using var late = await stream.WatchAsync();
        await late.WaitForAsync(EventNames.Error, IsWarning);
        Assert.Equal([EventNames.ConnectionEstablished, EventNames.StreamStarted, EventNames.Error], late.Events.Take(3));

        static bool IsWarning(JsonElement error) => error.GetProperty("error_message").GetString() == "Live updates are delayed";
    }

    /// <summary>
    /// A bitrate, a heartbeat and a change of every stream. In this order: a bitrate waits behind a change that has not left. Nobody begins
    /// another stream after 10 s, so that a fault fails the test and does not stop it.
    /// </summary>
    private static async Task<IReadOnlyDictionary<string, IReadOnlyList<Call>>> CallAllAsync(FaultLab lab, IReadOnlyList<TestStream> streams)
    {
        List<Api> replicas = [lab.StateApi(0), lab.StateApi(1)];
        List<Call> bitrates = [], heartbeats = [], changes = [];
        using var enough = new CancellationTokenSource(Seconds(10));
        await Parallel.ForEachAsync(streams.Index(), new ParallelOptions { MaxDegreeOfParallelism = Publishers }, async (item, _) =>
        {
            if (enough.IsCancellationRequested)
            {
                return;
            }

            var stream = item.Item.Through(replicas[item.Index % replicas.Count]);
            var bitrate = await stream.BitrateAsync(4000);
            var heartbeat = await stream.HeartbeatAsync();
            var change = await stream.ChangeAsync(NextKbps());
            lock (changes)
            {
                bitrates.Add(bitrate);
                heartbeats.Add(heartbeat);
                changes.Add(change);
            }
        });
        return new Dictionary<string, IReadOnlyList<Call>> { ["bitrate"] = bitrates, ["heartbeat"] = heartbeats, ["change"] = changes };
    }
}
