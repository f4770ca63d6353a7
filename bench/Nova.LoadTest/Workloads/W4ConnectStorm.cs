using Nova.LoadTest.Reporting;
using Nova.LoadTest.Systems.Nova;

namespace Nova.LoadTest.Workloads;

/// <summary>All viewers connect as fast as the server accepts: on a new process, again on the same process, and after a crash and restart.</summary>
internal sealed class W4ConnectStorm : Workload
{
    private const int DefaultViewers = 10_000;
    private const double MinAcceptedPerSecond = 4_000;
    private const double MaxMilliseconds = 1_000;

    /// <summary>Time for the generator to notice the closed connections.</summary>
    private static readonly TimeSpan SocketCleanupTime = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan LeaveTimeout = TimeSpan.FromSeconds(30);

    public override string Name => "W4";

    public override string Summary => "10,000 viewers connect as fast as the server takes them (--in-flight at once), again when all have left, and again after a gateway restart";

    public override async Task RunAsync(Bench bench)
    {
        var system = bench.CreateSystem();
        await using var session = await FanoutSession.OpenAsync(system, bench.Settings.Viewers ?? DefaultViewers, bench.Settings, bench.Cancellation);
        AddCell(bench, session, system.Name, "storm on a new process");

        foreach (var viewer in session.Audience.Viewers)
        {
            viewer.Leave();
        }

        session.Loop.RunUntil(() => session.Audience.Open == 0, LeaveTimeout);
        session.Loop.RunFor(SocketCleanupTime);
        session.Connect();
        var warm = AddCell(bench, session, system.Name, "storm on a process that has seen one");
        if (system is NovaSystem nova)
        {
            await nova.Services.RestartGatewayAsync(0, bench.Cancellation);
            session.Loop.RunFor(SocketCleanupTime);
            session.Connect();
            AddCell(bench, session, system.Name, "storm after a restart");
        }

        var accepted = warm.DeliveredPerSecond;
        bench.AddGoal(new Goal("Accepted/s in a storm", $"≥ {MinAcceptedPerSecond:N0}", $"{accepted:N0}", accepted >= MinAcceptedPerSecond));
        bench.AddGoal(new Goal(
            $"p99 to connection_established at {warm.Viewers:N0}", $"< {MaxMilliseconds:N0} ms", $"{warm.Latency!.P99:F0} ms", warm.Latency.P99 < MaxMilliseconds));
    }

    /// <summary>Counts each viewer's connection as one delivery.</summary>
    private Measurement AddCell(Bench bench, FanoutSession session, string system, string what)
    {
        var viewers = session.Audience.Viewers.Count;
        var (cpu, latency) = session.Connecting;
        var cell = new Measurement(Name, system, $"{viewers:N0}, {what}, {bench.Settings.InFlight} in flight", viewers)
        {
            DeliveredPerSecond = viewers / cpu.Seconds,
            Latency = latency,
            Cpu = cpu,
            Memory = session.Memory(),
        };
        bench.Report.Add(cell);
        return cell;
    }
}
