using System.Diagnostics;
using Nova.Protocol;
using Nova.Tests.Protocol.Conformance;
using Nova.Tests.Support;
using Nova.Tests.Support.Faults;
using static Nova.Tests.Support.Faults.LabSteps;

namespace Nova.Tests.Faults;

/// <summary>A gateway is stopped as an orchestrator does it, by SIGTERM (F33).</summary>
[Collection(nameof(FaultCollection))]
public sealed class StopTests(FaultLabFixture labs)
{
    private const int Viewers = 20;

    [Fact]
    public async Task GatewayIsStopped_EveryViewer_IsSentElsewhereAndCountedOut()
    {
        var lab = await labs.HealthyLabAsync();
        var stream = await lab.Api.StartStreamAsync();
        await using var gateway = await lab.StartGatewayAsync();
        await using var other = await stream.WatchAsync(gateway: 1);
        List<Viewer> viewers = [];
        for (var i = 0; i < Viewers; i++)
        {
            viewers.Add(await gateway.WatchAsync(stream, await lab.Api.TokenAsync($"viewer-{i}")));
        }

        await other.WaitForViewersAsync(Viewers + 1);
        Assert.Equal(0, await gateway.Service.Process.StopAsync());
        var exit = Stopwatch.GetTimestamp();

        foreach (var viewer in viewers)
        {
            Assert.Equal((int)CloseCode.GoingAway, await viewer.WaitForCloseAsync());
            Assert.Matches(@"retry_after_ms=\d+", viewer.CloseReason);
            await viewer.DisposeAsync();
        }

        var counted = await other.WaitForViewersAsync(1, from: CountedIn(other)); // Its patience is longer than a lease.
        var took = Stopwatch.GetElapsedTime(exit, Math.Max(exit, counted.ReceivedAt));
        Note($"Counted out {took.TotalSeconds:F1} s after the exit.");
        Assert.True(took < Seconds(2), $"The viewers were counted out {took.TotalSeconds:F1} s after the exit.");
        Assert.Empty(gateway.Service.Process.Failures);
    }

    /// <summary>Up to where all were counted: the count was 1 before that, too.</summary>
    private static int CountedIn(Viewer viewer) => viewer.Frames
        .Index().First(frame => frame.Item.Event == EventNames.ViewerCountChanged && frame.Item.Number("viewer_count") == Viewers + 1).Index;
}
