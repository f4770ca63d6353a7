using Nova.LoadTest.Generator;
using Nova.LoadTest.Measuring;
using Nova.LoadTest.Reporting;

namespace Nova.LoadTest.Workloads;

/// <summary>Some viewers stop reading: does it affect the others, and how old is the first event that the server sends after they resume?</summary>
internal sealed class W6SlowReaders : Workload
{
    private const int DefaultViewers = 1000;
    private const double DefaultRate = 30;
    private const double MaxSlowdown = 1.5;
    private const double MaxSecondsOld = 3;

    private static readonly int[] Percentages = [1, 10];
    private static readonly TimeSpan AfterResume = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FinalDeliveryTime = TimeSpan.FromSeconds(2);

    public override string Name => "W6";

    public override string Summary => "1 % and 10 % of 1,000 viewers stop reading for --seconds (20) at --rate events/s (30): healthy p99, memory, age of what comes first";

    public override async Task RunAsync(Bench bench)
    {
        foreach (var percent in Percentages)
        {
            await RunAsync(bench, percent);
        }
    }

    private async Task RunAsync(Bench bench, int percent)
    {
        var nova = bench.CreateNova();
        var viewers = bench.Settings.Viewers ?? DefaultViewers;
        var rate = bench.Settings.Rate ?? DefaultRate;
        var slow = new List<(Viewer Viewer, SlowReader Reader)>();
        await using var session = await FanoutSession.OpenAsync(nova, viewers, bench.Settings, bench.Cancellation, (session, index) =>
        {
            if (index % 100 < percent)
            {
                var reader = new SlowReader(session.Publications);
                slow.Add((session.Audience.Add(reader, smallReceiveBuffer: true), reader));
            }
            else
            {
                session.Audience.Add(session.Deliveries);
            }
        });

        var all = session.Measure(Name, $"{viewers:N0} × {rate:N0}/s, all read", rate, bench.Settings.Window(20));
        bench.Report.Add(all);
        slow.ForEach(static one => one.Viewer.StopReading());
        var resident = 0L;
        var stalled = session.Measure(Name, $"{viewers:N0} × {rate:N0}/s, {percent} % stalled", rate, bench.Settings.Window(20), () =>
        {
            resident = ProcFile.ResidentBytes(nova.MeasuredProcesses);
            slow.ForEach(static one => one.Reader.Resume(one.Viewer));
            session.Loop.RunFor(AfterResume);
        });
        session.Loop.RunFor(FinalDeliveryTime); // The measurement waited for the healthy viewers only.
        AddResults(bench.Report, all, WithExtra(stalled, session, [.. slow.Select(static one => one.Reader)], resident), percent);
    }

    private static Measurement WithExtra(Measurement cell, FanoutSession session, List<SlowReader> slow, long resident)
    {
        var ages = slow.Select(static one => one.FirstEventAge).OfType<long>().Select(static age => age / (double)EventLoop.Second).DefaultIfEmpty(double.NaN).ToList();
        var accountedFor = slow.Sum(static one => one.Events + one.DroppedByNotice);
        return cell with
        {
            Extra = new()
            {
                ["RSS while stalled MB"] = resident / 1048576.0,
                ["slow viewers lost"] = session.Audience.Lost,
                ["first event s old, median"] = ages.Order().ElementAt(ages.Count / 2),
                ["first event s old, max"] = ages.Max(),
                ["events dropped, by notice"] = slow.Sum(static one => one.DroppedByNotice),
                ["notices"] = slow.Sum(static one => one.Notices),
                ["events unaccounted for"] = (session.Publications.Count * slow.Count) - accountedFor,
            },
        };
    }

    private static void AddResults(Report report, Measurement all, Measurement stalled, int percent)
    {
        report.Add(stalled);
        var slowdown = stalled.Latency?.P99 / all.Latency?.P99;
        var age = stalled.Extra["first event s old, max"];
        report.Add(new Goal($"Healthy viewers' p99 with {percent} % stalled", $"≤ {MaxSlowdown} × without", $"{slowdown:F2} ×", slowdown <= MaxSlowdown));
        report.Add(new Goal($"Age of the first event after a stall, {percent} %", $"≤ {MaxSecondsOld} s", $"{MarkdownTable.Number(age, "F1")} s", age <= MaxSecondsOld));
    }
}
