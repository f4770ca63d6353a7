using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;

namespace Nova.AppHost.Tests.Deployment;

/// <summary>What Nova is for, in containers behind a balancer.</summary>
public sealed class ComposeTests : IClassFixture<ComposeNova>
{
    /// <summary>The balancer sends each to a gateway by chance.</summary>
    private const int Viewers = 20;

    private readonly ComposeNova _nova;

    public ComposeTests(ComposeNova nova)
    {
        Assert.SkipUnless(NovaApplication.HasContainers, "NOVA_TEST_CONTAINERS is not true.");
        _nova = nova;
    }

    [Fact]
    public async Task EveryService_RunsTwice_Healthy_WithoutRights()
    {
        foreach (var service in NovaApplication.Services)
        {
            var containers = await _nova.ContainersAsync(service);
            Assert.Equal(2, containers.Count);
            foreach (var container in containers)
            {
                Assert.Equal(
                    "healthy 1654 true unless-stopped",
                    await _nova.InspectAsync(container, "{{.State.Health.Status}} {{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.RestartPolicy.Name}}"));
            }
        }
    }

    [Fact]
    public async Task Tokens_AreNotHandedOut()
    {
        using var http = new HttpClient { BaseAddress = _nova.Address };
        using var answer = await http.PostAsJsonAsync("/dev/tokens", new { sub = "somebody", role = "operator" });
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Fact]
    public async Task Viewers_OfBothGateways_HearAChange_AndReportsAreFound()
    {
        var id = await _nova.Api.StartStreamAsync();
        var viewers = await WatchAsync(id);
        await Task.WhenAll(viewers.Select(viewer => viewer.WaitForAsync("viewer_count_changed", count => count.GetProperty("viewer_count").GetInt32() == Viewers)));
        await _nova.Api.ChangeQualityAsync(id, 3000);
        await HearAsync(viewers, 3000);
        await viewers[0].SendAsync("""{"event":"report_issue","data":{"issue_type":"lag","severity":"high","report_id":"r","description":"in a container"}}""");
        await viewers[0].WaitForAsync("issue_received");
        var found = await _nova.Api.SendAsync(HttpMethod.Get, $"/api/v1/issues?stream_id={id}", null, "operator");
        Assert.Equal("in a container", Assert.Single(found.GetProperty("issues").EnumerateArray()).GetProperty("description").GetString());
        await LeaveAsync(viewers);
    }

    [Fact]
    public async Task GatewayIsStopped_ItsViewersAreToldWhenToComeBack_AndTheOthersHearOn()
    {
        var id = await _nova.Api.StartStreamAsync();
        var viewers = await WatchAsync(id);
        var gateway = (await _nova.ContainersAsync("gateway"))[0];
        (await _nova.DockerAsync("stop", "--time", "60", gateway)).Succeeds();
        Assert.Equal("0", await _nova.InspectAsync(gateway, "{{.State.ExitCode}}"));

        var (closed, open) = (viewers.Where(viewer => viewer.IsClosed).ToList(), viewers.Where(viewer => !viewer.IsClosed).ToList());
        Assert.InRange(open.Count, 1, Viewers - 1);
        Assert.All(closed, viewer => Assert.Equal(1001, viewer.Close.Code));
        Assert.All(closed, viewer => Assert.StartsWith("drain retry_after_ms=", viewer.Close.Reason, StringComparison.Ordinal));
        await _nova.Api.ChangeQualityAsync(id, 2000);
        await HearAsync(open, 2000);

        (await _nova.DockerAsync("start", gateway)).Succeeds();
        await LeaveAsync(viewers);
    }

    [Fact]
    public async Task ProcessDies_TheEngineStartsItAgain()
    {
        var container = (await _nova.ContainersAsync("stream-state"))[0];
        using (var process = Process.GetProcessById(int.Parse(await _nova.InspectAsync(container, "{{.State.Pid}}"))))
        {
            process.Kill();
        }

        await GatewayApi.EventuallyAsync(
            async () => await _nova.InspectAsync(container, "{{.RestartCount}} {{.State.Health.Status}}") == "1 healthy" ? true : throw new HttpRequestException("not yet"),
            "the container was restarted and is healthy");
        await _nova.Api.StartStreamAsync();
    }

    private async Task<IReadOnlyList<Viewer>> WatchAsync(string id)
    {
        List<Viewer> viewers = [];
        for (var viewer = 0; viewer < Viewers; viewer++)
        {
            viewers.Add(await GatewayApi.EventuallyAsync(() => _nova.Api.WatchAsync(id), "a viewer connects"));
        }

        return viewers;
    }

    private static Task HearAsync(IEnumerable<Viewer> viewers, int kbps) => Task.WhenAll(viewers.Select(viewer =>
        viewer.WaitForAsync("quality_changed", change => change.GetProperty("new_bitrate_kbps").GetInt32() == kbps)));

    private static Task LeaveAsync(IEnumerable<Viewer> viewers) => Task.WhenAll(viewers.Select(viewer => viewer.DisposeAsync().AsTask()));
}
