using Nova.LoadTest.Measuring;
using Nova.LoadTest.Reporting;
using Nova.LoadTest.Systems.Nova;

namespace Nova.LoadTest.Workloads;

/// <summary>A long run at half load, with churn and a Redis restart in the middle: do memory and descriptors grow?</summary>
internal sealed class W10Soak : Workload
{
    private const int DefaultViewers = 1000;
    private const int DefaultSeconds = 1800;
    private const double DefaultRate = 25;
    private const double JoinsPerSecond = 100;
    private const double MaxDrift = 0.05;

    /// <summary>Pools and timers may keep this many more descriptors open.</summary>
    private const int DescriptorsAllowed = 10;

    private static readonly TimeSpan CellLength = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(10);

    public override string Name => "W10";

    public override string Summary => "soak of --seconds (1,800): 1,000 viewers at --rate events/s (25; take half of W1's knee), 100 joins + leaves/s, a Redis restart; RSS drift, descriptors";

    public override async Task RunAsync(Bench bench)
    {
        var nova = bench.CreateNova(new NovaLayout());
        var viewers = bench.Settings.Viewers ?? DefaultViewers;
        await using var session = await FanoutSession.OpenAsync(nova, viewers, bench.Settings, bench.Cancellation);
        var descriptorsIdle = ProcFile.OpenDescriptors(nova.MeasuredProcesses) - viewers;
        var churn = new Churn(session.Audience, new NullSink(), JoinsPerSecond, maxConnected: (int)JoinsPerSecond);
        session.Loop.AddTicker(churn);
        churn.Start();

        var total = bench.Settings.Window(DefaultSeconds);
        var cells = (int)Math.Max(3, Math.Ceiling(total / CellLength));
        List<Measurement> measured = [];
        for (var i = 1; i <= cells; i++)
        {
            measured.Add(MeasureCell(bench, session, nova, $"part {i} of {cells}", total / cells));
            if (i == cells / 2)
            {
                await RestartRedisAsync(bench, session, nova);
            }
        }

        churn.Stop();
        session.Audience.Dispose();
        session.Loop.RunFor(DrainTime);
        AddGoals(bench.Report, measured, descriptorsIdle, ProcFile.OpenDescriptors(nova.MeasuredProcesses));
    }

    private Measurement MeasureCell(Bench bench, FanoutSession session, NovaSystem nova, string cell, TimeSpan length)
    {
        var measured = session.Measure(Name, cell, bench.Settings.Rate ?? DefaultRate, length) with
        {
            Extra = new()
            {
                ["RSS MB"] = ProcFile.ResidentBytes(nova.MeasuredProcesses) / 1048576.0,
                ["descriptors"] = ProcFile.OpenDescriptors(nova.MeasuredProcesses),
                ["viewers lost"] = session.Audience.Lost,
            },
        };
        bench.Report.Add(measured);
        return measured;
    }

    private static async Task RestartRedisAsync(Bench bench, FanoutSession session, NovaSystem nova)
    {
        session.DisconnectPublisher();
        await nova.Services.StopRedisAsync();
        session.Loop.RunFor(TimeSpan.FromSeconds(1));
        var restart = nova.Services.StartRedisAsync(bench.Cancellation);
        session.Loop.RunUntil(() => restart.IsCompleted, TimeSpan.FromMinutes(1));
        await restart;
        session.Loop.RunFor(TimeSpan.FromSeconds(10)); // Gateways resubscribe; events published before that would be lost and count against them.
        bench.Report.Note("Redis was restarted; publishing paused meanwhile.");
    }

    /// <summary>Ignores the first part, in which pools and caches still fill.</summary>
    private static void AddGoals(Report report, List<Measurement> cells, int descriptorsIdle, int descriptorsAfter)
    {
        var (first, last) = (cells[1].Extra["RSS MB"], cells[^1].Extra["RSS MB"]);
        var drift = (last - first) / first;
        report.Add(new Goal("RSS drift from the second part to the last", $"< {MaxDrift:P0}", $"{drift:P1} ({first:F0} → {last:F0} MB)", drift < MaxDrift));
        report.Add(new Goal(
            "Descriptors when all viewers have gone", $"≤ {descriptorsIdle} + {DescriptorsAllowed}", $"{descriptorsAfter}",
            descriptorsAfter <= descriptorsIdle + DescriptorsAllowed));
    }
}
