using System.Text;
using Nova.Protocol;
using Nova.Tests.Support;
using Nova.Tests.Support.Faults;
using static Nova.Tests.Support.Faults.LabSteps;

namespace Nova.Tests.Faults;

/// <summary>Viewers' reports on their way from the gateway to Telemetry: each is sent once, stored once and acknowledged after that.</summary>
[Collection(nameof(FaultCollection))]
public sealed class ReportTests(FaultLabFixture labs)
{
    /// <summary>
    /// Four forwarders share a queue. When one report woke all of them, three sent an empty batch, whose refusal ended them for good; what
    /// one of them threw came to light when the gateway stopped.
    /// </summary>
    [Fact]
    public async Task SingleReports_EachIsOnePost_AndEveryForwarderSurvives()
    {
        const int Reports = 20;
        var lab = await labs.HealthyLabAsync();
        var stream = await lab.Api.StartStreamAsync();
        await using var gateway = await lab.StartGatewayAsync();
        var posts = new PostCounter(gateway.Telemetry);
        await using (var viewer = await gateway.WatchAsync(stream, await lab.Api.TokenAsync("reporter")))
        {
            for (var i = 0; i < Reports; i++)
            {
                await ReportAsync(viewer, $"report-{i}");
                await AcknowledgedAsync(viewer, $"report-{i}");
            }
        }

        Assert.Equal(0, await gateway.Service.Process.StopAsync()); // Whatever else it would send has left by now.
        Assert.Empty(gateway.Service.Process.Failures);
        Assert.Equal((Reports, 0), (posts.All, posts.Empty));
        Assert.Equal(Reports, (await StoredAsync(lab, stream)).Distinct().Count());
    }

    [Fact]
    public async Task TelemetryIsAwayForFiveSeconds_EveryReport_IsStoredOnceAndAcknowledged()
    {
        const int Viewers = 5;
        var lab = await labs.HealthyLabAsync();
        var stream = await lab.Api.StartStreamAsync();
        List<Viewer> viewers = [];
        for (var i = 0; i < Viewers; i++)
        {
            viewers.Add(await stream.WatchAsync(gateway: i % lab.Gateways.Count));
        }

        // The first reports of each viewer are on their way when Telemetry dies, the last ones come after its return.
        var sending = Task.WhenAll(viewers.Select((viewer, index) => ReportRepeatedlyAsync(viewer, $"viewer-{index}")));
        await Task.Delay(Seconds(1));
        await lab.Telemetry.Service.KillAsync();
        await Task.Delay(Seconds(5));
        await lab.Telemetry.Service.HealAsync();
        var sent = (await sending).SelectMany(ids => ids).ToList();

        await Task.WhenAll(viewers.Select(async (viewer, index) =>
        {
            foreach (var id in sent.Where(id => id.StartsWith($"viewer-{index}-", StringComparison.Ordinal)))
            {
                await AcknowledgedAsync(viewer, id);
            }
        }));
        Assert.Equal(sent.Order(), (await StoredAsync(lab, stream)).Order());
        foreach (var viewer in viewers)
        {
            await viewer.DisposeAsync();
        }
    }

    /// <summary>
    /// A gateway, Telemetry and PostgreSQL are killed in turn while 200 viewers report once a second. A viewer that loses its gateway goes to the other one
    /// and repeats what was not acknowledged, as clients do.
    /// </summary>
    [Fact]
    public async Task EverythingIsKilledInTurn_EveryAcknowledgedReport_IsStoredOnce()
    {
        const int Viewers = 200;
        var lab = await labs.HealthyLabAsync();
        var stream = await lab.Api.StartStreamAsync();
        using var stop = new CancellationTokenSource();
        var reporters = await Task.WhenAll(Enumerable.Range(0, Viewers).Select(index => RestlessReporter.StartAsync(lab, stream, index)));
        var running = Task.WhenAll(reporters.Select(reporter => reporter.RunAsync(stop.Token)));
        await Task.Delay(Seconds(2));
        await lab.Gateways[0].Service.KillAsync();
        await Task.Delay(Seconds(2));
        await lab.Gateways[0].Service.HealAsync();
        await lab.Telemetry.Service.KillAsync();
        await Task.Delay(Seconds(2));
        await lab.Telemetry.Service.HealAsync();
        lab.Postgres.Kill();
        await Task.Delay(Seconds(2));
        await lab.Postgres.StartAsync();
        await Task.Delay(Seconds(3));
        await stop.CancelAsync();
        await running;

        var acknowledged = reporters.SelectMany(reporter => reporter.Acknowledged).ToList();
        var stored = await StoredAsync(lab, stream);
        Note($"{reporters.Sum(reporter => reporter.Sent)} sent, {acknowledged.Count} acknowledged, {stored.Count} stored, {stored.Count - stored.Distinct().Count()} twice.");
        Assert.Equal(reporters.Sum(reporter => reporter.Sent), acknowledged.Count); // Each reporter went on until it had all its answers.
        Assert.Equal(acknowledged.Order(), stored.Order());
    }

    [Fact]
    public async Task GatewayIsStopped_WhileTelemetryIsAway_EveryReport_IsHandedBack()
    {
        const int Reports = 10;
        var lab = await labs.HealthyLabAsync();
        var stream = await lab.Api.StartStreamAsync();
        await using var gateway = await lab.StartGatewayAsync();
        await using var viewer = await gateway.WatchAsync(stream, await lab.Api.TokenAsync("handed-back"));
        gateway.Telemetry.Shut();
        for (var i = 0; i < Reports; i++)
        {
            await ReportAsync(viewer, $"back-{i}");
        }

        await viewer.SendAsync("""{"event":"get_stream_info","data":{"request_id":"after"}}"""); // Its answer says that all of them were read.
        await viewer.WaitForAsync(EventNames.StreamInfo);
        Assert.Equal(0, await gateway.Service.Process.StopAsync());
        Assert.Equal((int)CloseCode.GoingAway, await viewer.WaitForCloseAsync());
        Assert.Equal(Reports, viewer.Frames.Count(frame => frame.Event == EventNames.Error && frame.Text("error_message") == "The report could not be stored"));
        Assert.Contains(gateway.Service.Process.Lines, line => line.Contains($"IssuesHandedBack: {Reports} reports", StringComparison.Ordinal));
    }

    private static async Task<IReadOnlyList<string>> ReportRepeatedlyAsync(Viewer viewer, string name)
    {
        List<string> ids = [];
        for (var i = 0; i < 15; i++) // As many as a viewer may send at once.
        {
            ids.Add($"{name}-{i}");
            await ReportAsync(viewer, ids[^1]);
            await Task.Delay(500);
        }

        return ids;
    }

    private static Task ReportAsync(Viewer viewer, string id) =>
        viewer.SendAsync($$$"""{"event":"report_issue","data":{"issue_type":"lag","severity":"low","report_id":"{{{id}}}"}}""");

    private static Task<Frame> AcknowledgedAsync(Viewer viewer, string id) =>
        viewer.WaitForAsync(EventNames.IssueReceived, received => received.GetProperty("report_id").GetString() == id);

    private static Task<IReadOnlyList<string>> StoredAsync(FaultLab lab, TestStream stream) =>
        lab.Postgres.QueryAsync<string>($"SELECT report_id FROM issues WHERE stream_id = '{stream.Id}'", "telemetry");

    /// <summary>Reads what a gateway sends to Telemetry.</summary>
    private sealed class PostCounter
    {
        private readonly StringBuilder _sent = new();

        public PostCounter(Link telemetry)
        {
            telemetry.Rewrite = bytes =>
            {
                lock (_sent)
                {
                    _sent.Append(Encoding.Latin1.GetString(bytes));
                }

                return bytes;
            };
        }

        public int All => Count("POST /internal/issues");

        public int Empty => Count("\"issues\":[]");

        private int Count(string what)
        {
            lock (_sent)
            {
                return _sent.ToString().Split(what).Length - 1;
            }
        }
    }
}
