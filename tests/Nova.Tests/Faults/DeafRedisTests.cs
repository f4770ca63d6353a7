using System.Diagnostics;
using Nova.Protocol;
using Nova.Tests.Support;
using Nova.Tests.Support.Faults;
using static Nova.Tests.Support.Faults.LabSteps;

namespace Nova.Tests.Faults;

/// <summary>A gateway's connections to Redis carry nothing any more and nobody says so (F23): no reset, no end, only silence.</summary>
[Collection(nameof(FaultCollection))]
public sealed class DeafRedisTests(FaultLabFixture labs)
{
    private const string PubSub = "SUBSCRIBE";

    private static readonly TimeSpan NoticeLimit = Seconds(8 + 1);
    private static readonly TimeSpan NewestStateLimit = Seconds(5 + 1);
    private static readonly TimeSpan FlowLimit = Seconds(10 + 1);

    [Fact]
    public async Task EveryConnectionIsDeaf_ViewersAreWarned_AndGetTheNewestStateAfterwards()
    {
        var lab = await labs.HealthyLabAsync();
        var stream = await lab.Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.WaitForAsync(EventNames.ViewerCountChanged);
        var fault = Stopwatch.GetTimestamp();
        lab.Gateways[0].Redis.Freeze();
        var kbps = NextKbps();
        await stream.ChangeAsync(kbps);
        await AssertWarnedAsync(viewer, fault);

        lab.Gateways[0].Redis.Thaw();
        Assert.True(await viewer.SeesAsync(kbps, NewestStateLimit), "The newest state did not arrive after the thaw.");
        Assert.Null(viewer.CloseCode);
    }

    [Theory]
    [InlineData("")]
    [InlineData(PubSub)]
    public async Task OldConnectionsAreDeaf_ViewersAreWarned_AndEventsFlowThroughNewOnes(string which)
    {
        var lab = await labs.HealthyLabAsync();
        var stream = await lab.Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.WaitForAsync(EventNames.ViewerCountChanged);
        var fault = Stopwatch.GetTimestamp();
        lab.Gateways[0].Redis.FreezeExisting(which);
        var warned = AssertWarnedAsync(viewer, fault);
        var flow = await WaitForFlowAsync(stream, viewer, FlowLimit);
        Note($"Events flow after {flow.TotalSeconds:F1} s.");
        await warned;
        Assert.Null(viewer.CloseCode);
    }

    private static async Task AssertWarnedAsync(Viewer viewer, long fault)
    {
        var notice = await viewer.WaitForAsync(EventNames.Error, within: Left(fault, NoticeLimit));
        Note($"Warned after {Stopwatch.GetElapsedTime(fault, notice.ReceivedAt).TotalSeconds:F1} s.");
        Assert.Equal((ErrorCodes.ServerError, "warning"), (notice.Text("error_code"), notice.Text("severity")));
    }
}
