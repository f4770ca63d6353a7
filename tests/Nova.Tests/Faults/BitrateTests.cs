using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Nova.Tests.Support;
using Nova.Tests.Support.Faults;
using static Nova.Tests.Support.Faults.LabSteps;

namespace Nova.Tests.Faults;

/// <summary>
/// Bitrates come from every broadcaster at once, so they are what uses up connections to PostgreSQL first. A call that held one connection
/// and waited for a second one made 300 broadcasters block each other for 15 s.
/// </summary>
[Collection(nameof(FaultCollection))]
public sealed class BitrateTests(FaultLabFixture labs)
{
    [Fact]
    public async Task ThreeHundredStreamsAtOnce_EveryBitrateIsAccepted_WithinTwoSeconds()
    {
        var lab = await labs.HealthyLabAsync();
        var streams = await StreamsOnBothReplicasAsync(lab, 300);
        await Eventually.TrueAsync(async () => (await RoundAsync(streams)).All(IsQuick), "programs that have just started have compiled what they need", Seconds(30));
        List<Call> calls = [];
        for (var round = 0; round < 3; round++)
        {
            calls.AddRange(await RoundAsync(streams));
        }

        Note(Call.Report(calls));
        Assert.True(calls.All(IsQuick), Call.Report(calls));
    }

    [Fact]
    public async Task PostgresPausesForThreeSeconds_AllBitratesAreAcceptedAgain_WithinFiveSeconds()
    {
        var lab = await labs.HealthyLabAsync();
        var streams = await StreamsOnBothReplicasAsync(lab, 100);
        using var stop = new CancellationTokenSource();
        var calls = new ConcurrentQueue<(long Started, Task<Call> Call)>();
        var load = Task.WhenAll(streams.Select((stream, index) => PostEverySecondAsync(stream, index * 10, calls, stop.Token)));
        await Eventually.TrueAsync(() => Task.FromResult(IsWellSince(0)), "every bitrate is accepted before the pause", Seconds(30));

        lab.Postgres.Freeze();
        await Task.Delay(Seconds(3));
        lab.Postgres.Thaw();
        var thaw = Stopwatch.GetTimestamp();
        try
        {
            await Eventually.TrueAsync(
                () => Task.FromResult(IsWellSince(thaw)), "every bitrate of a second was accepted within a second", Seconds(5 + 2));
        }
        finally
        {
            await stop.CancelAsync();
            await load;
            Note(Call.Report(await Task.WhenAll(calls.Where(call => call.Started > thaw).Select(call => call.Call))));
        }

        bool IsWellSince(long start) => IsWell([.. calls.Where(call => call.Started > start && IsOfTheLastWholeSecond(call.Started))]);
    }

    private static Task<Call[]> RoundAsync(IEnumerable<TestStream> streams) => Task.WhenAll(streams.Select(stream => stream.BitrateAsync(4000)));

    private static bool IsQuick(Call call) => call is { Status: HttpStatusCode.Accepted, Took.TotalSeconds: < 2 };

    /// <summary>Whoever called in it has had a second to be answered.</summary>
    private static bool IsOfTheLastWholeSecond(long started) => Stopwatch.GetElapsedTime(started).TotalSeconds is > 1 and < 2;

    private static bool IsWell(IReadOnlyList<(long Started, Task<Call> Call)> calls) => calls.Count >= 80
        && calls.All(call => call.Call is { IsCompletedSuccessfully: true, Result: { Status: HttpStatusCode.Accepted, Took.TotalSeconds: < 1 } });

    private static async Task<IReadOnlyList<TestStream>> StreamsOnBothReplicasAsync(FaultLab lab, int count)
    {
        List<Api> replicas = [lab.StateApi(0), lab.StateApi(1)];
        return [.. (await lab.StartStreamsAsync(count)).Select((stream, index) => stream.Through(replicas[index % replicas.Count]))];
    }

    /// <summary>Once a second, whether or not the last one was answered, as encoders do.</summary>
    private static async Task PostEverySecondAsync(TestStream stream, int offset, ConcurrentQueue<(long, Task<Call>)> calls, CancellationToken stop)
    {
        List<Task> underWay = [];
        await Task.Delay(offset, CancellationToken.None);
        using var timer = new PeriodicTimer(Seconds(1));
        do
        {
            var call = stream.BitrateAsync(4000);
            calls.Enqueue((Stopwatch.GetTimestamp(), call));
            underWay.Add(call);
        }
        while (!stop.IsCancellationRequested && await timer.WaitForNextTickAsync(CancellationToken.None));

        await Task.WhenAll(underWay);
    }
}
