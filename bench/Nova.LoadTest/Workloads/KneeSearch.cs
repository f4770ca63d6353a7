using Nova.LoadTest.Measuring;

namespace Nova.LoadTest.Workloads;

/// <summary>Finds the highest rate at which a system delivers everything in time.</summary>
internal sealed class KneeSearch(Bench bench, int viewers, int repeat)
{
    private const int FirstDeliveriesPerSecond = 50_000;
    private const int MaxAttempts = 3;

    private double _cleanRate;
    private double _overloadedRate;
    private double _maxDeliveriesPerSecond;

    /// <summary>The first rate of the search: 50 events/s at 1,000 viewers.</summary>
    public static double FirstRate(int viewers) => Math.Max(1, FirstDeliveriesPerSecond / viewers);

    /// <summary>Doubles the rate while delivery is clean, then tries once between the last clean rate and the first overloaded rate.</summary>
    /// <returns>The maximum of clean deliveries per second.</returns>
    public async Task<double> RunAsync()
    {
        var generatorKeptUp = true;
        await using (var session = await OpenAsync())
        {
            for (var rate = FirstRate(viewers); _overloadedRate == 0 && generatorKeptUp; rate *= 2)
            {
                generatorKeptUp = Step(session, rate);
            }
        }

        if (!generatorKeptUp)
        {
            bench.Report.Note($"{bench.Settings.System}: the generator was busy at {_maxDeliveriesPerSecond:N0} deliveries/s; the system's knee is there or beyond.");
        }
        else if (_cleanRate > 0)
        {
            // A new process: an overloaded process still has a large heap and full backlogs.
            await using var session = await OpenAsync();
            Step(session, Math.Round((_cleanRate + _overloadedRate) / 2));
        }

        return _maxDeliveriesPerSecond;
    }

    private Task<FanoutSession> OpenAsync() => FanoutSession.OpenAsync(bench.CreateSystem(), viewers, bench.Settings, bench.Cancellation);

    /// <returns>False if the generator was too busy for a valid result.</returns>
    private bool Step(FanoutSession session, double rate)
    {
        var cell = session.Measure("W1", W1Fanout.Cell(viewers, rate), rate, bench.Settings.Window(5));
        for (var again = 1; !cell.IsClean && cell.HasForeignLoad && again < MaxAttempts; again++)
        {
            cell = session.Measure("W1", W1Fanout.Cell(viewers, rate), rate, bench.Settings.Window(5)); // Foreign load may be the cause.
        }

        bench.Report.Add(cell with { Repeat = repeat });
        if (!cell.IsClean)
        {
            _overloadedRate = rate;
            return true;
        }

        _cleanRate = Math.Max(_cleanRate, rate);
        _maxDeliveriesPerSecond = Math.Max(_maxDeliveriesPerSecond, cell.DeliveredPerSecond);
        return cell.Cpu!.GeneratorShare <= CpuUse.MaxGeneratorShare;
    }
}
