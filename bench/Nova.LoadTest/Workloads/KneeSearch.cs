using Nova.LoadTest.Measuring;

namespace Nova.LoadTest.Workloads;

/// <summary>Finds the rate beyond which a system no longer delivers everything in time.</summary>
internal sealed class KneeSearch(Bench bench, int viewers, int repeat)
{
    private const int FirstDeliveriesPerSecond = 50_000;
    private const int TriesUnderForeignLoad = 3;

    private double _clean;
    private double _bad;
    private double _best;

    /// <summary>Where the search begins: 50 events/s at 1,000 viewers.</summary>
    public static double FirstRate(int viewers) => Math.Max(1, FirstDeliveriesPerSecond / viewers);

    /// <summary>Doubles the rate while delivery is clean, then tries once between the last clean rate and the first that is not.</summary>
    /// <returns>The most deliveries a second that were clean.</returns>
    public async Task<double> RunAsync()
    {
        var generatorKeptUp = true;
        await using (var session = await OpenAsync())
        {
            for (var rate = FirstRate(viewers); _bad == 0 && generatorKeptUp; rate *= 2)
            {
                generatorKeptUp = Step(session, rate);
            }
        }

        if (!generatorKeptUp)
        {
            bench.Report.Note($"{bench.Settings.System}: the generator was busy at {_best:N0} deliveries/s; the system's knee is there or beyond.");
        }
        else if (_clean > 0)
        {
            // A fresh one: what was overloaded has memory to give back and backlogs to get rid of.
            await using var session = await OpenAsync();
            Step(session, Math.Round((_clean + _bad) / 2));
        }

        return _best;
    }

    private Task<FanoutSession> OpenAsync() => FanoutSession.OpenAsync(bench.CreateSystem(), viewers, bench.Settings, bench.Cancellation);

    /// <returns>Whether the generator kept up.</returns>
    private bool Step(FanoutSession session, double rate)
    {
        var cell = session.Measure("W1", W1Fanout.Cell(viewers, rate), rate, bench.Settings.Window(5));
        for (var again = 1; !cell.IsClean && cell.HasForeignLoad && again < TriesUnderForeignLoad; again++)
        {
            cell = session.Measure("W1", W1Fanout.Cell(viewers, rate), rate, bench.Settings.Window(5)); // It may have been the others' fault.
        }

        bench.Report.Add(cell with { Repeat = repeat });
        if (!cell.IsClean)
        {
            _bad = rate;
            return true;
        }

        _clean = Math.Max(_clean, rate);
        _best = Math.Max(_best, cell.DeliveredPerSecond);
        return cell.Cpu!.GeneratorShare <= CpuUse.MostGeneratorShare;
    }
}
