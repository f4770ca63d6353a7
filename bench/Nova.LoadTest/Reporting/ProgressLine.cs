using Nova.LoadTest.Generator;
using Nova.LoadTest.Measuring;

namespace Nova.LoadTest.Reporting;

/// <summary>A line on the terminal that shows the progress of the run every second. It prints nothing if stderr is redirected.</summary>
internal sealed class ProgressLine(string what, Audience audience, Deliveries deliveries, IReadOnlyList<int> measured) : ITicker, IDisposable
{
    private readonly long _startedAt = EventLoop.Now;
    private long _arrived = deliveries.Arrived;
    private CpuTicks _server = ProcFile.CpuOf(measured);
    private CpuTicks _own = ProcFile.CpuOf(Environment.ProcessId);

    public long DueAt { get; private set; } = Console.IsErrorRedirected ? long.MaxValue : EventLoop.Now + EventLoop.Second;

    public void Fire(long now)
    {
        var server = ProcFile.CpuOf(measured);
        var own = ProcFile.CpuOf(Environment.ProcessId);
        Console.Error.Write(
            $"\r{what}: {(now - _startedAt) / EventLoop.Second} s, {audience.Open:N0} connected, {deliveries.Arrived - _arrived:N0}/s, "
            + $"p99 {deliveries.Latencies.Milliseconds(99):F1} ms, server {(server - _server).Total} %, generator {(own - _own).Total} %\e[K");
        (_arrived, _server, _own) = (deliveries.Arrived, server, own);
        DueAt += EventLoop.Second;
    }

    public void Dispose()
    {
        if (!Console.IsErrorRedirected)
        {
            Console.Error.Write("\r\e[K");
        }
    }
}
