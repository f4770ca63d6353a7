using Nova.Tests.Support.Faults;
using static Nova.Tests.Support.Faults.LabSteps;

namespace Nova.Tests.Faults;

/// <summary>The lab itself: a test of a fault means nothing where the same steps fail without it.</summary>
[Collection(nameof(FaultCollection))]
public sealed class LabTests(FaultLabFixture labs)
{
    [Fact]
    public async Task NoFault_EveryChangeThroughEitherReplica_ReachesViewersOfBothGateways()
    {
        var lab = await labs.HealthyLabAsync();
        var streams = await lab.StartStreamsAsync(2);
        var viewers = await lab.WatchAsync(streams);
        for (var replica = 0; replica < FaultLab.Replicas; replica++)
        {
            foreach (var (stream, viewer) in streams.Zip(viewers))
            {
                var kbps = NextKbps();
                Assert.True((await stream.Through(lab.StateApi(replica)).ChangeAsync(kbps)).IsSuccess);
                Assert.True(await viewer.SeesAsync(kbps, Seconds(2)), "The event did not arrive.");
            }
        }
    }
}
