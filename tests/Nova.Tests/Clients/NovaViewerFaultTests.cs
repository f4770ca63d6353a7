using Nova.Client;
using Nova.Protocol;
using Nova.Tests.Support;
using Nova.Tests.Support.Faults;

namespace Nova.Tests.Clients;

/// <summary><see cref="NovaViewer"/> on gateways that are killed and drained.</summary>
[Collection(nameof(FaultCollection))]
public sealed class NovaViewerFaultTests(FaultLabFixture labs)
{
    [Fact]
    public async Task GatewayIsKilledThenDrained_ViewerComesBack_AndItsReportArrives()
    {
        var lab = await labs.HealthyLabAsync();
        await using var gateway = await lab.StartGatewayAsync(("Gateway__DrainDelay", "00:00:00"));
        var stream = await lab.Api.StartStreamAsync();
        var asked = 0;
        await using var watched = new WatchedStream(Guid.Parse(stream.Id), new NovaClientOptions
        {
            Address = gateway.Service.Front.Address,
            Token = async _ =>
            {
                asked++;
                return await lab.Api.TokenAsync("loyal");
            },
        });
        await watched.ShowsTheApiAsync(stream);

        await gateway.Service.KillAsync();
        await watched.UntilAsync(state => !state.IsCurrent);
        var report = watched.Viewer.ReportIssueAsync(new ViewerReport(IssueType.Lag, IssueSeverity.Low), TestContext.Current.CancellationToken);
        await stream.PostAsync("quality", """{"new_quality":"1080p","new_bitrate_kbps":5100,"reason":"adaptive_bitrate"}""");
        await gateway.Service.HealAsync();
        await watched.ShowsTheApiAsync(stream);
        await report.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        var drained = gateway.Service.Process.StopAsync();
        await watched.UntilAsync(state => state.RetryReason?.StartsWith("drain retry_after_ms=", StringComparison.Ordinal) == true);
        await stream.PostAsync("quality", """{"new_quality":"1080p","new_bitrate_kbps":5200,"reason":"adaptive_bitrate"}""");
        await drained;
        await gateway.Service.HealAsync();
        await watched.ShowsTheApiAsync(stream);

        var bitrates = watched.States.Select(state => state.BitrateKbps).OfType<int>().ToList();
        Assert.Equal(bitrates.Order(), bitrates); // Never an older one after a newer one.
        Assert.Equal(1, asked); // Its token was good all the time.
    }
}
