using Nova.LoadTest.Reporting;
using Nova.LoadTest.Systems.Nova;

namespace Nova.LoadTest.Workloads;

/// <summary>Two gateways on one Redis, the latency of a state change from POST to wire, and the convergence after a Redis outage.</summary>
internal sealed class W8Cluster : Workload
{
    private const int DefaultViewers = 1000;

    /// <summary>About half of one gateway's comfortable rate, because both gateways share the measured core.</summary>
    private const double DefaultRate = 25;
    private const double ChangesPerSecond = 5;
    private const double MaxAddedP50 = 2;
    private const double MaxAddedP99 = 15;
    private const double MaxChangeP50 = 10;
    private const double MaxChangeP99 = 40;

    public override string Name => "W8";

    public override string Summary => "one gateway against two over Redis at --rate (25) events/s, POST quality to the wire of 1,000 viewers, convergence after a Redis restart";

    public override async Task RunAsync(Bench bench)
    {
        var one = await FanOutAsync(bench, gateways: 1);
        var two = await FanOutAsync(bench, gateways: 2);
        AddLimit(bench.Report, "p50 added by a second gateway", MaxAddedP50, two.Latency!.P50 - one.Latency!.P50);
        AddLimit(bench.Report, "p99 added by a second gateway", MaxAddedP99, two.Latency.P99 - one.Latency.P99);

        var change = await ChangeStateAsync(bench);
        AddLimit(bench.Report, "POST quality → wire, p50", MaxChangeP50, change.Latency!.P50);
        AddLimit(bench.Report, "POST quality → wire, p99", MaxChangeP99, change.Latency.P99);

        await new RedisRestart(bench, bench.Settings.Viewers ?? DefaultViewers).RunAsync();
    }

    private async Task<Measurement> FanOutAsync(Bench bench, int gateways)
    {
        var rate = bench.Settings.Rate ?? DefaultRate;
        var viewers = bench.Settings.Viewers ?? DefaultViewers;
        await using var session = await FanoutSession.OpenAsync(
            bench.CreateNova(new NovaLayout(Gateways: gateways)), viewers, bench.Settings, bench.Cancellation);
        var cell = session.Measure(Name, $"{gateways} gateway(s), {viewers:N0} × {rate:N0}/s", rate, bench.Settings.Window(10));
        bench.Report.Add(cell);
        return cell;
    }

    private async Task<Measurement> ChangeStateAsync(Bench bench)
    {
        var nova = bench.CreateNova();
        var viewers = bench.Settings.Viewers ?? DefaultViewers;
        await using var session = await FanoutSession.OpenAsync(nova, viewers, bench.Settings, bench.Cancellation);
        using var rest = nova.ConnectRestPublisher(session.Loop);
        var schedule = new Generator.PublishSchedule(rest, [nova.RestRequest()], session.Publications, ChangesPerSecond);
        var cell = session.Measure(
            Name, $"POST quality {ChangesPerSecond:N0}/s → {viewers:N0} viewers", schedule, ChangesPerSecond, viewers, bench.Settings.Window(10));
        bench.Report.Add(cell);
        return cell;
    }

    private static void AddLimit(Report report, string what, double most, double measured) =>
        report.Add(new Goal(what, $"≤ {most} ms", $"{measured:F1} ms", measured <= most));
}
