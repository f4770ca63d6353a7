using System.Diagnostics;
using Nova.Protocol;
using Nova.Tests.Support;
using Nova.Tests.Support.Faults;
using static Nova.Tests.Support.Faults.LabSteps;

namespace Nova.Tests.Faults;

/// <summary>
/// Viewers are warned once in each outage of Redis, whatever happened before it. A flag that followed the client library's events, which
/// come in any order, took the next outage for one that was announced already.
/// </summary>
[Collection(nameof(FaultCollection))]
public sealed class NoticeTests(FaultLabFixture labs)
{
    private const int Blips = 5;

    private static readonly TimeSpan Outage = Seconds(8);

    [Fact]
    public async Task OutageAfterBlips_EveryViewer_IsWarnedOnce()
    {
        var lab = await labs.HealthyLabAsync();
        var stream = await lab.Api.StartStreamAsync();
        await using var one = await stream.WatchAsync(gateway: 0);
        await using var two = await stream.WatchAsync(gateway: 1);
        Viewer[] viewers = [one, two];
        var logged = lab.Gateways.Select(gateway => gateway.Service.Process.Lines.Count).ToList();
        for (var blip = 0; blip < Blips; blip++)
        {
            foreach (var gateway in lab.Gateways)
            {
                gateway.Redis.Cut();
            }

            await Task.WhenAll(viewers.Select(viewer => WaitForFlowAsync(stream, viewer, Seconds(10))));
        }

        for (var gateway = 0; gateway < lab.Gateways.Count; gateway++)
        {
            await AssertNoticedTheEndAsync(lab.Gateways[gateway].Service.Process, logged[gateway]);
        }

        var before = viewers.Select(Notices).ToList();
        Assert.All(before, notices => Assert.True(notices <= Blips, $"{notices} warnings for {Blips} blips."));

        var fault = Stopwatch.GetTimestamp();
        await lab.Redis.KillAsync();
        await UntilAsync(fault, Outage);
        var during = viewers.Select((viewer, index) => Notices(viewer) - before[index]).ToList();
        Assert.True(
            during.All(notices => notices == 1),
            $"Warnings in an outage of {Outage.TotalSeconds} s: {string.Join(" and ", during)}; in the blips: {string.Join(" and ", before)}.");

        await lab.Redis.StartAsync();
        await Task.WhenAll(viewers.Select(viewer => WaitForFlowAsync(stream, viewer, Seconds(10))));
        for (var gateway = 0; gateway < lab.Gateways.Count; gateway++)
        {
            await AssertLoggedInOrderAsync(lab.Gateways[gateway].Service.Process, logged[gateway], viewers[gateway]);
        }
    }

    private static int Notices(Viewer viewer) =>
        viewer.Frames.Count(frame => frame.Event == EventNames.Error && frame.Text("error_code") == ErrorCodes.ServerError);

    /// <summary>Events may flow some milliseconds before the gateway knows: an outage that began in them would be one with the last blip.</summary>
    private static Task AssertNoticedTheEndAsync(ServiceProcess gateway, int from) =>
        Eventually.TrueAsync(() => Task.FromResult(Logged(gateway, from).LastOrDefault() != "FeedLost"), "the end of the last blip is noticed", Seconds(1));

    /// <summary>Lost, restored, lost, restored: one pair for each warning. A server that starts may cut a connection once more, and viewers are warned of that too.</summary>
    private static Task AssertLoggedInOrderAsync(ServiceProcess gateway, int from, Viewer viewer) => Eventually.TrueAsync(
        () => Task.FromResult(Enumerable.Repeat(new[] { "FeedLost", "FeedRestored" }, Notices(viewer)).SelectMany(pair => pair).SequenceEqual(Logged(gateway, from))),
        "every warning is logged, with its end",
        Seconds(5));

    private static List<string> Logged(ServiceProcess gateway, int from) =>
    [
        .. gateway.Lines.Skip(from)
            .SelectMany(line => new[] { "FeedLost", "FeedRestored" }.Where(name => line.Contains($"{name}:", StringComparison.Ordinal))),
    ];
}
