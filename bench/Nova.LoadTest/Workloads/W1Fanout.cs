using Nova.LoadTest.Reporting;

namespace Nova.LoadTest.Workloads;

/// <summary>One stream: at one rate, or at doubled rates until the knee.</summary>
internal sealed class W1Fanout : Workload
{
    private const int DefaultViewers = 1000;
    private const int FirstDeliveriesPerSecond = 50_000;

    public override string Name => "W1";

    public override string Summary => "one stream; --rate events/s, or without it doubled rates until p99 > 250 ms or delivery < 99.9 %";

    public override async Task RunAsync(Bench bench)
    {
        var viewers = bench.Settings.Viewers ?? DefaultViewers;
        if (bench.Settings.Rate is { } rate)
        {
            await using var session = await FanoutSession.OpenAsync(bench.CreateSystem(), viewers, bench.Settings, bench.Cancellation);
            var cell = session.Measure(Name, Cell(viewers, rate), rate, bench.Settings.Window(5));
            bench.Report.Add(cell);
            bench.Report.Add(Goals.MemoryPerViewer(cell));
        }
        else
        {
            var knee = await FindKneeAsync(bench, viewers, 1);
            bench.Report.Add(new Goal("Clean deliveries/s, rate stepped up", "≥ 1,000,000", $"{knee:N0}", knee >= 1_000_000));
        }
    }

    /// <summary>Doubles the rate while delivery is clean, then tries once between the last clean rate and the first that is not.</summary>
    /// <returns>The most deliveries a second that were clean.</returns>
    public static async Task<double> FindKneeAsync(Bench bench, int viewers, int repeat)
    {
        var (clean, bad, best) = (0.0, 0.0, 0.0);
        await using (var session = await FanoutSession.OpenAsync(bench.CreateSystem(), viewers, bench.Settings, bench.Cancellation))
        {
            for (var rate = Math.Max(1, FirstDeliveriesPerSecond / viewers); bad == 0; rate *= 2)
            {
                Step(session, rate);
            }
        }

        if (clean > 0)
        {
            // A fresh one: what was overloaded has memory to give back and backlogs to get rid of.
            await using var session = await FanoutSession.OpenAsync(bench.CreateSystem(), viewers, bench.Settings, bench.Cancellation);
            Step(session, Math.Round((clean + bad) / 2));
        }

        return best;

        void Step(FanoutSession session, double rate)
        {
            var cell = session.Measure("W1", Cell(viewers, rate), rate, bench.Settings.Window(5)) with { Repeat = repeat };
            bench.Report.Add(cell);
            if (cell.IsClean)
            {
                clean = Math.Max(clean, rate);
                best = Math.Max(best, cell.DeliveredPerSecond);
            }
            else
            {
                bad = rate;
            }
        }
    }

    public static string Cell(int viewers, double rate) => $"{viewers:N0} × {rate:N0}/s";
}
