using System.Net;
using System.Text;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;

namespace Nova.AppHost.Tests;

/// <summary>What Nova is for, over several processes that the AppHost starts, stops and starts again.</summary>
public sealed class DistributedTests(NovaApplication nova)
{
    /// <summary>The orchestrator sends each to a gateway by chance: 6 were all on one of the two in a run of CI, 20 are in one of half a million.</summary>
    private const int Viewers = 20;

    [Fact]
    public async Task TwoGateways_ShareOneStreamsCountAndEvents()
    {
        var id = await nova.Api.StartStreamAsync();
        await using var viewers = await WatchOnBothGatewaysAsync(id);
        foreach (var viewer in viewers.All)
        {
            await viewer.WaitForAsync("viewer_count_changed", count => count.GetProperty("viewer_count").GetInt32() == viewers.All.Count);
        }

        await nova.Api.ChangeQualityAsync(id, 3000);
        await viewers.AllHearAsync(3000);
    }

    [Fact]
    public async Task GatewayStopped_ItsViewersAreCountedOut_AndTheOthersStay()
    {
        var id = await nova.Api.StartStreamAsync();
        await using var viewers = await WatchOnBothGatewaysAsync(id);
        var gateway = (await nova.InstancesAsync("gateway", 2))[0];

        await nova.StopAsync(gateway);
        var open = viewers.All.Where(viewer => !viewer.IsClosed).ToList();
        Assert.InRange(open.Count, 1, viewers.All.Count - 1);
        await open[0].WaitForAsync("viewer_count_changed", count => count.GetProperty("viewer_count").GetInt32() == open.Count);

        await nova.StartAsync(gateway);
        await using var late = await nova.Api.WatchAsync(id);
        await open[0].WaitForAsync("viewer_count_changed", count => count.GetProperty("viewer_count").GetInt32() == open.Count + 1);
    }

    [Theory]
    [InlineData("stream-state")]
    [InlineData("servers")]
    public async Task WhatIsBehindTheGateways_StoppedAndStarted_ViewersStayAndHearTheNextChange(string stopped)
    {
        var id = await nova.Api.StartStreamAsync();
        await using var viewers = await WatchOnBothGatewaysAsync(id);
        string[] instances = stopped == "servers" ? [.. new HashSet<string> { NovaApplication.Servers.Redis, NovaApplication.Servers.Postgres }] : [.. await nova.InstancesAsync(stopped, 2)];
        foreach (var instance in instances)
        {
            await nova.StopAsync(instance);
        }

        foreach (var instance in instances)
        {
            await nova.StartAsync(instance);
        }

        await nova.WaitUntilHealthyAsync("stream-state");
        await GatewayApi.EventuallyAsync(() => nova.Api.ChangeQualityAsync(id, 2000), "the change is accepted");
        await viewers.AllHearAsync(2000);
    }

    [Fact]
    public async Task ReportThatWasAcknowledged_IsFoundByAnOperator_AfterTelemetryRestarted()
    {
        var id = await nova.Api.StartStreamAsync();
        await using var viewer = await nova.Api.WatchAsync(id);
        var telemetry = await nova.InstancesAsync("telemetry", 2);
        await viewer.SendAsync("""{"event":"report_issue","data":{"issue_type":"lag","severity":"high","report_id":"r","description":"distributed"}}""");
        await viewer.WaitForAsync("issue_received");
        foreach (var instance in telemetry)
        {
            await nova.StopAsync(instance);
        }

        foreach (var instance in telemetry)
        {
            await nova.StartAsync(instance);
        }

        var answer = await GatewayApi.EventuallyAsync(() => nova.Api.SendAsync(HttpMethod.Get, $"/api/v1/issues?stream_id={id}", null, "operator"), "the list is answered");
        Assert.Equal("distributed", Assert.Single(answer.GetProperty("issues").EnumerateArray()).GetProperty("description").GetString());
    }

    [Fact]
    public async Task Change_IsOneTrace_FromTheRequestToTheFanOutOnBothGateways()
    {
        const int Attempts = 3; // An exporter drops a batch that its collector does not take in 3 s, which a busy machine may need.
        var id = await nova.Api.StartStreamAsync();
        await using var viewers = await WatchOnBothGatewaysAsync(id);
        List<Span> spans = [];
        for (var attempt = 0; attempt < Attempts && !IsComplete(spans); attempt++)
        {
            var trace = Convert.ToHexStringLower(Guid.NewGuid().ToByteArray());
            await nova.Api.ChangeQualityAsync(
                id, 2500 + attempt, $"00-{trace}-{Convert.ToHexStringLower(BitConverter.GetBytes(Random.Shared.NextInt64(1, long.MaxValue)))}-01");
            await viewers.AllHearAsync(2500 + attempt);

            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(25)); // Spans of Redis are sent every 10 s.
            do
            {
                await Task.Delay(200, TestContext.Current.CancellationToken);
                spans = [.. nova.Traces.Spans.Where(span => span.TraceId == trace)];
            }
            while (!IsComplete(spans) && !deadline.IsCancellationRequested);
        }

        Assert.Equal(2, FanOuts(spans).Count);
        Assert.Contains(spans, span => span.Service == "stream-state" && span.Name.StartsWith("POST", StringComparison.Ordinal));
        Assert.Contains(spans, span => span.Service == "stream-state" && span.Name == "publish quality_changed");
        Assert.Contains(spans, IsRedis);
        Assert.DoesNotContain(nova.Traces.Bodies, body => Encoding.Latin1.GetString(body).Contains("token=ey"));

        static bool IsComplete(List<Span> spans) => FanOuts(spans).Count == 2 && spans.Any(IsRedis);

        static bool IsRedis(Span span) => span.Name is "EVALSHA" or "EVAL" or "PUBLISH";

        static HashSet<string> FanOuts(List<Span> spans) => [.. spans.Where(span => span.Service == "gateway" && span.Name == "fan out quality_changed").Select(span => span.Instance)];
    }

    [Theory]
    [InlineData("gateway")]
    [InlineData("stream-state")]
    [InlineData("telemetry")]
    public async Task Service_AnswersItsProbes(string service)
    {
        using var http = new HttpClient { BaseAddress = nova.Address(service), Timeout = GatewayApi.Patience };
        foreach (var probe in new[] { "/health", "/alive" })
        {
            Assert.Equal((HttpStatusCode.OK, "Healthy"), await GatewayApi.EventuallyAsync(async () => ((await http.GetAsync(probe)).StatusCode, await http.GetStringAsync(probe)), probe));
        }
    }

    [Fact]
    public async Task Commands_DoWhatTheySay()
    {
        var gateway = (await nova.InstancesAsync("gateway", 2))[0];
        var started = await RunAsync(gateway, "start-broadcast", ("title", "From the dashboard"), ("quality", "1080p"), ("bitrate", "5000"));
        var id = System.Text.RegularExpressions.Regex.Match(started.Data!.Value, "Stream `(.+)`").Groups[1].Value;
        await using var viewer = await nova.Api.WatchAsync(id);
        await RunAsync(gateway, "change-quality", ("stream", id), ("quality", "720p"), ("bitrate", "2800"), ("reason", "network_congestion"));
        await viewer.WaitForAsync("quality_changed", change => change.GetProperty("new_bitrate_kbps").GetInt32() == 2800);

        var token = (await RunAsync(gateway, "create-token", ("sub", "me"), ("role", "viewer"), ("stream", id), ("minutes", "5"))).Data!.Value;
        await using var other = await Viewer.ConnectAsync(nova.Address("gateway"), id, token);
        var viewerId = (await other.WaitForAsync("connection_established")).GetProperty("viewer_id").GetString()!;
        await RunAsync(gateway, "kick-viewer", ("stream", id), ("viewer", viewerId));
        await other.WaitForAsync("error");

        Assert.Contains("nova=http", (await RunAsync(gateway, "show-curl")).Data!.Value);
        await RunAsync(gateway, "end-broadcast", ("stream", id));
        await viewer.WaitForAsync("stream_ended");

        var refused = await nova.Commands.ExecuteCommandAsync(gateway, "end-broadcast", Arguments(("stream", id)));
        Assert.False(refused.Success);
        Assert.StartsWith("The gateway answered 409:", refused.Message);
    }

    private async Task<ExecuteCommandResult> RunAsync(string instance, string command, params (string Name, string Value)[] arguments)
    {
        var result = await nova.Commands.ExecuteCommandAsync(instance, command, Arguments(arguments));
        Assert.True(result.Success, $"{command}: {result.Message}");
        return result;
    }

    private static InteractionInputCollection Arguments(params (string Name, string Value)[] arguments) =>
        new([.. arguments.Select(argument => new InteractionInput { Name = argument.Name, InputType = InputType.Text, Value = argument.Value })]);

    /// <summary>Six: the proxy in front of the gateways gives each of them some.</summary>
    private async Task<Audience> WatchOnBothGatewaysAsync(string id)
    {
        var audience = new Audience([.. await Task.WhenAll(Enumerable.Range(0, Viewers).Select(_ => nova.Api.WatchAsync(id)))]);
        await audience.All[0].WaitForAsync("viewer_count_changed", count => count.GetProperty("viewer_count").GetInt32() == Viewers);
        return audience;
    }

    private sealed record Audience(IReadOnlyList<Viewer> All) : IAsyncDisposable
    {
        public async Task AllHearAsync(int kbps)
        {
            foreach (var viewer in All)
            {
                await viewer.WaitForAsync("quality_changed", change => change.GetProperty("new_bitrate_kbps").GetInt32() == kbps);
            }
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var viewer in All)
            {
                await viewer.DisposeAsync();
            }
        }
    }
}
