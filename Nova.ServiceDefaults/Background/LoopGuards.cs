using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace Nova.ServiceDefaults.Background;

/// <summary>The guards of all background work in this service, by name, and their health: a loop that has ended is Unhealthy, not silent.</summary>
public sealed class LoopGuards(IMeterFactory meters, TimeProvider time, ILoggerFactory loggers) : IHealthCheck
{
    private readonly ConcurrentDictionary<string, LoopGuard> _guards = [];
    private readonly Counter<long> _failures = meters.Create("Nova.ServiceDefaults").CreateCounter<long>(
        "nova.loop.failures", "{failure}", "Passes of background work that failed; the work goes on.");

    /// <summary>All who ask with the same name share one guard, and with it one log line in five seconds.</summary>
    public LoopGuard this[string name] =>
        _guards.GetOrAdd(name, static (name, self) => new LoopGuard(name, self._failures, self.Time, self.Logger), this);

    private TimeProvider Time => time;

    private ILogger Logger { get; } = loggers.CreateLogger<LoopGuards>();

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var dead = _guards.Values.Where(guard => guard.Dead > 0).Select(guard => guard.Name).ToList();
        return Task.FromResult(dead.Count == 0 ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy($"ended: {string.Join(", ", dead)}"));
    }
}
