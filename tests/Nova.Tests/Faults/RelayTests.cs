using System.Diagnostics;
using Nova.Tests.Support;
using Nova.Tests.Support.Faults;
using static Nova.Tests.Support.Faults.LabSteps;

namespace Nova.Tests.Faults;

/// <summary>
/// One replica stops or vanishes without a word, as by a pause, a power failure or a partition. Whatever it held, the lock of a row or the
/// turn to relay events, the other replica has it within seconds (F35). Either replica may have held it, so each is lost in turn.
/// </summary>
[Collection(nameof(FaultCollection))]
public sealed class RelayTests(FaultLabFixture labs)
{
    private const int Streams = 8;

    /// <summary>A lease of 2 s and the next try after at most 0.75 s; two more for a busy machine.</summary>
    private static readonly TimeSpan Limit = Seconds(3 + 2);

    /// <summary>The server ends a transaction that nobody goes on with after 3 s.</summary>
    private static readonly TimeSpan RowLimit = Seconds(5 + 1);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task ReplicaIsPaused_EventsOfAllStreams_AreRelayedByTheOther(int replica)
    {
        var lab = await labs.HealthyLabAsync();
        var streams = await lab.StartStreamsAsync(Streams);
        var viewers = await lab.WatchAsync(streams);
        var fault = Stopwatch.GetTimestamp();
        lab.States[replica].Service.Process.Pause();
        var during = await AssertRelayedAsync(lab, 1 - replica, streams, viewers, fault);

        // The paused one goes on where it stopped: what it still relays nobody is told twice.
        lab.States[replica].Service.Process.Resume();
        var after = await AssertRelayedAsync(lab, replica, streams, viewers, Stopwatch.GetTimestamp());
        foreach (var (index, viewer) in viewers.Index())
        {
            Assert.Equal(
                [during[index], after[index]],
                viewer.Frames.Where(frame => frame.Event == "quality_changed").Select(frame => frame.Number("new_bitrate_kbps")));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task ReplicaVanishes_EventsOfAllStreams_AreRelayedByTheOther(int replica)
    {
        var lab = await labs.HealthyLabAsync();
        var streams = await lab.StartStreamsAsync(Streams);
        var viewers = await lab.WatchAsync(streams);
        var fault = Stopwatch.GetTimestamp();
        await lab.States[replica].VanishAsync();
        await AssertRelayedAsync(lab, 1 - replica, streams, viewers, fault);
    }

    [Fact]
    public async Task ReplicaVanishesInTransactions_TheirStreams_CanBeChangedThroughTheOther()
    {
        var lab = await labs.HealthyLabAsync();
        var streams = await lab.StartStreamsAsync(Streams);
        using var stop = new CancellationTokenSource();
        var changing = streams.Select(stream => ChangeUntilAsync(stream.Through(lab.StateApi(0)), stop.Token)).ToList();
        await FreezeInTransactionAsync(lab);
        var fault = Stopwatch.GetTimestamp();
        await lab.States[0].VanishAsync();
        await stop.CancelAsync();
        await Task.WhenAll(changing);

        var other = lab.StateApi(1);
        var changed = await Task.WhenAll(streams.Select(stream => ChangedWithinAsync(stream.Through(other), fault)));
        Assert.True(
            changed.All(done => done),
            $"{changed.Count(done => !done)} of {Streams} streams cannot be changed {RowLimit.TotalSeconds} s after the fault.");
    }

    private static async Task<IReadOnlyList<int>> AssertRelayedAsync(
        FaultLab lab, int replica, IReadOnlyList<TestStream> streams, IReadOnlyList<Viewer> viewers, long fault)
    {
        var api = lab.StateApi(replica);
        var changes = streams.Select(_ => NextKbps()).ToList();
        var calls = await Task.WhenAll(streams.Zip(changes, (stream, kbps) => stream.Through(api).ChangeAsync(kbps)));
        Assert.True(calls.All(call => call.IsSuccess), $"Not every change was accepted: {Call.Report(calls)}");
        var seen = await Task.WhenAll(viewers.Zip(changes, (viewer, kbps) => viewer.SeesAsync(kbps, Left(fault, Limit))));
        var took = Stopwatch.GetElapsedTime(fault).TotalSeconds;
        Note($"{seen.Count(told => told)} of {seen.Length} events arrived, {took:F1} s after the fault; changes: {Call.Report(calls)}");
        Assert.True(
            seen.All(told => told),
            $"{seen.Count(told => !told)} of {seen.Length} accepted events did not arrive within {Limit.TotalSeconds} s of the fault.");
        return changes;
    }

    private static async Task ChangeUntilAsync(TestStream stream, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await stream.ChangeAsync(NextKbps());
        }
    }

    /// <summary>Freezes replica 0's way to PostgreSQL again and again until that leaves a transaction open.</summary>
    private static async Task FreezeInTransactionAsync(FaultLab lab)
    {
        const string Open = """
            SELECT count(*) FROM pg_stat_activity
            WHERE application_name = 'replica-0' AND state = 'idle in transaction' AND state_change < now() - interval '200 ms'
            """;
        await Eventually.TrueAsync(
            async () =>
            {
                lab.States[0].Postgres.Freeze();
                await Task.Delay(300); // By then the server has answered all that reached it.
                if ((await lab.Postgres.QueryAsync<long>(Open))[0] > 0)
                {
                    return true;
                }

                lab.States[0].Postgres.Thaw();
                await Task.Delay(Random.Shared.Next(50));
                return false;
            },
            "a transaction is open when the link freezes", Seconds(10));
    }

    private static async Task<bool> ChangedWithinAsync(TestStream stream, long fault)
    {
        while (Left(fault, RowLimit) is var left && left > TimeSpan.Zero)
        {
            var change = stream.ChangeAsync(NextKbps());
            if (await Task.WhenAny(change, Task.Delay(left)) == change && (await change).IsSuccess)
            {
                return true;
            }
        }

        return false;
    }
}
