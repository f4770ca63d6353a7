using Nova.LoadTest.Reporting;

namespace Nova.LoadTest.Workloads;

/// <summary>W1 on all systems in one run. What drifts with time meets all alike: each repeat turns the order round (ABBA).</summary>
/// <param name="bench">With the settings that all share.</param>
/// <param name="systems">Those that can be had.</param>
/// <param name="viewers">Numbers of viewers, one after the other.</param>
/// <param name="rates">Events a second; empty for 50,000 deliveries a second at each number of viewers, and at 1,000 on to the knee.</param>
/// <param name="repeats">Of everything.</param>
internal sealed class Comparison(Bench bench, IReadOnlyList<string> systems, IReadOnlyList<int> viewers, IReadOnlyList<double> rates, int repeats)
{
    public async Task RunAsync()
    {
        foreach (var count in viewers)
        {
            for (var repeat = 1; repeat <= repeats; repeat++)
            {
                foreach (var system in repeat % 2 == 1 ? systems : systems.Reverse())
                {
                    await MeasureAsync(bench with { Settings = bench.Settings with { System = system } }, count, repeat);
                }
            }

            var table = new ComparisonTable(bench.Report.Measurements, systems, count);
            bench.Report.AddSection(table.Compose());
            foreach (var goal in ComparisonGoals.Of(table))
            {
                bench.Report.Add(goal);
            }
        }
    }

    private async Task MeasureAsync(Bench one, int count, int repeat)
    {
        try
        {
            if (rates.Count > 0)
            {
                await W1Fanout.MeasureAsync(one, count, rates, repeat);
            }
            else if (count == W1Fanout.DefaultViewers)
            {
                await new KneeSearch(one, count, repeat).RunAsync();
            }
            else
            {
                await W1Fanout.MeasureAsync(one, count, [KneeSearch.FirstRate(count)], repeat);
            }
        }
        catch (LoadTestException problem)
        {
            one.Report.Note($"{one.Settings.System}, {count:N0} viewers, repeat {repeat}: {problem.Message}"); // The others still tell something.
        }
    }
}
