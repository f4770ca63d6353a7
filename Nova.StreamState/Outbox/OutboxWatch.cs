using Microsoft.Extensions.Diagnostics.HealthChecks;
using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Postgres;
using Npgsql;

namespace Nova.StreamState.Outbox;

/// <summary>An outbox that grows old is a relay that stands still: a metric, a log line and Degraded health say so, whichever replica relays (S63).</summary>
internal sealed class OutboxWatch(
    NpgsqlDataSource dataSource, SchemaMigration schema, LoopGuards guards, TimeProvider time, StreamStateMetrics metrics, ILogger<OutboxWatch> logger)
    : BackgroundService, IHealthCheck
{
    private static readonly TimeSpan Old = TimeSpan.FromSeconds(5);

    private readonly LogThrottle _warnings = new(time);
    private TimeSpan _age;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(_age > Old ? HealthCheckResult.Degraded($"the oldest event has waited for {_age.TotalSeconds:F0} s") : HealthCheckResult.Healthy());

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await schema.Applied.WaitAsync(stoppingToken);
        await guards["outbox watch"].RunEveryAsync(TimeSpan.FromSeconds(1), LookAsync, stoppingToken);
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        await using var oldest = dataSource.CreateCommand("SELECT clock_timestamp() - happened_at FROM outbox ORDER BY id LIMIT 1");
        _age = await oldest.ExecuteScalarAsync(cancellationToken) is TimeSpan age ? age : TimeSpan.Zero;
        metrics.OutboxAge(_age);
        if (_age > Old && _warnings.TryTake(out _))
        {
            logger.OutboxOld(_age.TotalSeconds);
        }
    }
}
