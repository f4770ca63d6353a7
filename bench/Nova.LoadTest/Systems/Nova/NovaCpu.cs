using Nova.LoadTest.Generator;
using Nova.LoadTest.Measuring;

namespace Nova.LoadTest.Systems.Nova;

/// <summary>CPU seconds of Nova's parts in one window.</summary>
internal sealed record NovaCpu(double Gateways, double Redis, double StreamState, double Postgres, double Seconds)
{
    /// <summary>Core-seconds and percent of a core, for a report's own columns.</summary>
    public Dictionary<string, double> Columns() => new()
    {
        ["gateway CPU s"] = Gateways,
        ["gateway % of a core"] = 100 * Gateways / Seconds,
        ["Redis CPU s"] = Redis,
        ["Redis % of a core"] = 100 * Redis / Seconds,
        ["StreamState CPU s"] = StreamState,
        ["StreamState % of a core"] = 100 * StreamState / Seconds,
        ["PostgreSQL CPU s"] = Postgres,
    };
}

/// <summary>Measures the CPU time of Nova's parts over one window.</summary>
internal sealed class NovaCpuWindow(NovaServices services)
{
    private NovaCpu _before = new(0, 0, 0, 0, 0);
    private long _startedAt;

    /// <returns>CPU while <paramref name="run"/> runs.</returns>
    public NovaCpu Measure(Action run)
    {
        Begin();
        run();
        return End();
    }

    private void Begin()
    {
        _before = Read();
        _startedAt = EventLoop.Now;
    }

    private NovaCpu End()
    {
        var (seconds, now) = ((EventLoop.Now - _startedAt) / (double)EventLoop.Second, Read());
        return new NovaCpu(
            now.Gateways - _before.Gateways, now.Redis - _before.Redis, now.StreamState - _before.StreamState, now.Postgres - _before.Postgres, seconds);
    }

    private NovaCpu Read() => new(
        Of(services.GatewayProcesses), Of(services.Redis.Processes), Of([services.StreamStateProcess]), Of(services.PostgresProcesses), 0);

    private static double Of(IReadOnlyList<int> processes) => ProcFile.CpuOf(processes).Total / (double)CpuTicks.PerSecond;
}
