using Nova.Protocol;
using Nova.Tests.Support.Faults;
using static Nova.Tests.Support.Faults.LabSteps;

namespace Nova.Tests.Faults;

/// <summary>Parts start in any order (F29). In a lab of its own: the shared one has been started.</summary>
[Collection(nameof(FaultCollection))]
public sealed class StartupTests
{
    [Fact]
    public async Task ServicesStartBeforeTheirServers_AllBecomeReady_WithoutARestart()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Faults are made with Linux' signals and /proc.");
        await using var lab = await FaultLab.StartAsync(serversFirst: false);
        var services = lab.Services;
        Assert.All(await Task.WhenAll(services.Select(service => service.ProbeAsync("/alive"))), probe => Assert.Equal(200, probe.Status));
        Assert.All(await Task.WhenAll(lab.States.Select(state => state.Service.ProbeAsync("/health"))), probe => Assert.Equal(503, probe.Status));

        // Both replicas find an empty database at the same moment, and both want to make its schema.
        await lab.StartServersAsync();
        await lab.WaitUntilReadyAsync(Seconds(10));
        Assert.All(services, service => Assert.True(service.Process.IsRunning));
        var stream = await lab.Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.WaitForAsync(EventNames.ViewerCountChanged);
        for (var replica = 0; replica < FaultLab.Replicas; replica++)
        {
            var kbps = NextKbps();
            Assert.True((await stream.Through(lab.StateApi(replica)).ChangeAsync(kbps)).IsSuccess);
            Assert.True(await viewer.SeesAsync(kbps, Seconds(3)), "The event did not arrive.");
        }
    }
}
