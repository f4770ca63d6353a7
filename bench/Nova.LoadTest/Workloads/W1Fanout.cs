using Nova.LoadTest.Reporting;

namespace Nova.LoadTest.Workloads;

/// <summary>One stream, at one rate or at doubled rates up to the knee.</summary>
internal sealed class W1Fanout : Workload
{
    public const int DefaultViewers = 1000;

    public override string Name => "W1";

    public override string Summary => "one stream; --rate events/s, or without it doubled rates until p99 > 250 ms or delivery < 99.9 %";

    public override async Task RunAsync(Bench bench)
    {
        var viewers = bench.Settings.Viewers ?? DefaultViewers;
        if (bench.Settings.Rate is { } rate)
        {
            await MeasureAsync(bench, viewers, [rate], repeat: 1);
            bench.AddGoal(Goals.MemoryPerViewer(bench.Report.Measurements[^1]));
        }
        else
        {
            var knee = await new KneeSearch(bench, viewers, repeat: 1).RunAsync();
            bench.AddGoal(new Goal("Clean deliveries/s, rate stepped up", "≥ 1,000,000", $"{knee:N0}", knee >= 1_000_000));
        }
    }

    /// <summary>Measures each rate in turn, with the same viewers.</summary>
    public static async Task MeasureAsync(Bench bench, int viewers, IEnumerable<double> rates, int repeat)
    {
        await using var session = await FanoutSession.OpenAsync(bench.CreateSystem(), viewers, bench.Settings, bench.Cancellation);
        foreach (var rate in rates)
        {
            bench.Report.Add(session.Measure("W1", Cell(viewers, rate), rate, bench.Settings.Window(5)) with { Repeat = repeat });
        }
    }

    public static string Cell(int viewers, double rate) => $"{viewers:N0} × {rate:N0}/s";
}
