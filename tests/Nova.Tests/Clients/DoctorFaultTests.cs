using Nova.Tests.Support.Faults;
using static Nova.Tests.Clients.DoctorSteps;

namespace Nova.Tests.Clients;

/// <summary><c>nova doctor</c> names what is gone behind a gateway that runs.</summary>
[Collection(nameof(FaultCollection))]
public sealed class DoctorFaultTests(FaultLabFixture labs)
{
    [Fact]
    public async Task FullGateway_IsFound()
    {
        var lab = await labs.HealthyLabAsync();
        await using var gateway = await lab.StartGatewayAsync(("Gateway__MaxConnections", "1"));
        await using var first = await gateway.WatchAsync(await lab.Api.StartStreamAsync(), await lab.Api.TokenAsync());
        await FindsAsync(Local(gateway.Service.Front.Address), "socket", "503", "full");
    }

    [Fact]
    public async Task RedisIsGone_IsFound()
    {
        var lab = await labs.HealthyLabAsync();
        await lab.Redis.KillAsync();
        await FindsAsync(Local(lab.Gateways[0].Service.Front.Address), "events", "not heard", "ConnectionStrings:redis");
    }

    [Fact]
    public async Task TelemetryIsGone_IsFound()
    {
        var lab = await labs.HealthyLabAsync();
        await lab.Telemetry.Service.KillAsync();
        await FindsAsync(Local(lab.Gateways[0].Service.Front.Address), "reports", "not stored", "services:telemetry");
    }

    [Fact]
    public async Task StreamStateIsGone_IsFound()
    {
        var lab = await labs.HealthyLabAsync();
        foreach (var state in lab.States)
        {
            await state.Service.KillAsync();
        }

        await FindsAsync(Local(lab.Gateways[0].Service.Front.Address), "REST", "503", "stream-state");
    }
}
