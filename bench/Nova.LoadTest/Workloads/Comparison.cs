using Nova.LoadTest.Reporting;

namespace Nova.LoadTest.Workloads;

/// <summary>Runs W1 on all systems. Each repeat reverses their order (ABBA), so that a drift over time affects all of them equally.</summary>
/// <param name="bench">Settings that all systems share.</param>
/// <param name="systems">The systems that can be measured.</param>
/// <param name="viewers">Numbers of viewers, measured one after the other.</param>
/// <param name="rates">Events a second; empty for 50,000 deliveries a second at each number of viewers, and at 1,000 viewers up to the knee.</param>
/// <param name="repeats">Repeats of the whole comparison.</param>
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
            one.Report.Note($"{one.Settings.System}, {count:N0} viewers, repeat {repeat}: {problem.Message}"); // The others still run.
        }
    }
}
