using Nova.LoadTest.Generator;
using Nova.LoadTest.Measuring;
using Nova.LoadTest.Reporting;

namespace Nova.LoadTest.Workloads;

/// <summary>Viewers who join and leave: are the counts exact, and how many count messages do the other viewers receive?</summary>
internal sealed class W5Churn : Workload
{
    private const int DefaultObservers = 1000;
    private const int StormJoins = 5000;
    private const int StormSeconds = 5;
    private const double MaxCountsPerSecond = 20;
    private const double MaxSecondsToExact = 1;

    private static readonly double[] DefaultRates = [500, 2000];
    private static readonly TimeSpan CountTimeout = TimeSpan.FromSeconds(10);

    public override string Name => "W5";

    public override string Summary => "500 and 2,000 joins and as many leaves per second (--rate) beside 1,000 viewers, then 5,000 joins in 5 s: counts and their exactness";

    public override async Task RunAsync(Bench bench)
    {
        foreach (var rate in bench.Settings.Rate is { } one ? [one] : DefaultRates)
        {
            await RunAsync(bench, $"{rate:N0} joins + leaves/s", rate, maxConnected: (int)rate, bench.Settings.Window(20));
        }

        await RunAsync(bench, $"{StormJoins:N0} joins in {StormSeconds} s", StormJoins / StormSeconds, maxConnected: int.MaxValue, TimeSpan.FromSeconds(StormSeconds));
    }

    private async Task RunAsync(Bench bench, string what, double rate, int maxConnected, TimeSpan window)
    {
        var nova = bench.CreateNova();
        var viewers = bench.Settings.Viewers ?? DefaultObservers;
        var observers = new CountObservers(viewers);
        await using var session = await FanoutSession.OpenAsync(
            nova, viewers, bench.Settings, bench.Cancellation, (session, _) => session.Audience.Add(observers));

        observers.Reset();
        session.Audience.ConnectTimes.Reset();
        var churn = new Churn(session.Audience, new NullSink(), rate, maxConnected);
        var cpu = new CpuWindow(nova.MeasuredProcesses);
        session.Loop.AddTicker(churn);
        churn.Start();
        cpu.Begin();
        session.Loop.RunFor(window);
        var use = cpu.End();
        churn.Stop();

        var stopped = EventLoop.Now;
        var exact = session.Loop.RunUntil(() => observers.AllReport(session.Audience.Open), CountTimeout);
        var seconds = exact ? (EventLoop.Now - stopped) / (double)EventLoop.Second : double.NaN;
        var cell = new Measurement(Name, nova.Name, $"{viewers:N0} viewers, {what}", viewers)
        {
            Rate = rate,
            DeliveredPerSecond = observers.Messages / use.Seconds,
            Latency = Latencies.Of(session.Audience.ConnectTimes),
            Cpu = use,
            Memory = session.Memory(),
            Extra = ExtraColumns(session.Audience, churn, observers, use.Seconds, seconds),
        };
        AddGoals(bench.Report, cell, what);
    }

    private static Dictionary<string, double> ExtraColumns(Audience audience, Churn churn, CountObservers observers, double seconds, double exactAfter) => new()
    {
        ["joins/s"] = churn.Joins / seconds,
        ["leaves/s"] = churn.Leaves / seconds,
        ["refused or lost"] = audience.Refused + audience.Lost,
        ["counts/viewer/s"] = observers.MessagesPerViewer / seconds,
        ["most counts in a second"] = observers.MaxPerViewerAndSecond,
        ["exact after s"] = exactAfter,
    };

    private static void AddGoals(Report report, Measurement cell, string what)
    {
        report.Add(cell);
        var counts = cell.Extra["most counts in a second"];
        var exact = cell.Extra["exact after s"];
        report.Add(new Goal($"Count messages per viewer and second, {what}", $"≤ {MaxCountsPerSecond}", $"{counts:F1}", counts <= MaxCountsPerSecond));
        report.Add(new Goal($"Count exact after {what}", $"≤ {MaxSecondsToExact} s", $"{MarkdownTable.Number(exact, "F2")} s", exact <= MaxSecondsToExact));
    }
}
