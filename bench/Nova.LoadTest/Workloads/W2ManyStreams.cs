using Nova.LoadTest.Reporting;
using Nova.LoadTest.Systems.Nova;

namespace Nova.LoadTest.Workloads;

/// <summary>Many small streams, compared with one stream that has as many viewers and deliveries.</summary>
internal sealed class W2ManyStreams : Workload
{
    private const int ViewersPerStream = 10;
    private const int DefaultViewers = 10_000;
    private const double MaxCpuRatio = 1.5;

    public override string Name => "W2";

    public override string Summary => "1,000 streams × 10 viewers × 1 event/s (--viewers / 10 streams, --rate per stream), against the same deliveries on one stream";

    public override async Task RunAsync(Bench bench)
    {
        var viewers = bench.Settings.Viewers ?? DefaultViewers;
        var streams = Math.Max(1, viewers / ViewersPerStream);
        var perStream = bench.Settings.Rate ?? 1;
        var many = await MeasureAsync(bench, streams, streams * ViewersPerStream, streams * perStream);
        var one = await MeasureAsync(bench, 1, streams * ViewersPerStream, perStream);

        var ratio = many.CpuMicroseconds / one.CpuMicroseconds;
        bench.Report.Add(new Goal(
            $"CPU of {streams:N0} streams / CPU of the same deliveries on one", $"≤ {MaxCpuRatio}", $"{ratio:F2}", ratio <= MaxCpuRatio));
    }

    private async Task<Measurement> MeasureAsync(Bench bench, int streams, int viewers, double rate)
    {
        await using var session = await FanoutSession.OpenAsync(
            bench.CreateNova(new NovaLayout(Streams: streams)), viewers, bench.Settings, bench.Cancellation);
        var cell = session.Measure(Name, $"{streams:N0} streams, {viewers:N0} viewers, {rate:N0} events/s", rate, bench.Settings.Window(20));
        bench.Report.Add(cell);
        return cell;
    }
}
