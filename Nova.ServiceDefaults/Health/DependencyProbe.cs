using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Redis;

namespace Nova.ServiceDefaults.Health;

/// <summary>
/// Asks one dependency every half second whether it answers. <c>/health</c> and callers look at the last answer and wait for nothing, so that
/// a dependency that hangs costs them nothing (S62).
/// </summary>
public abstract partial class DependencyProbe(string dependency, LoopGuards guards, TimeProvider time, ILogger logger) : BackgroundService, IHealthCheck
{
    /// <summary>An answer older than this is worth nothing: the dependency hangs. A probe that is answered late is not worth an alarm.</summary>
    private static readonly TimeSpan Freshness = TimeSpan.FromSeconds(2.5);

    /// <summary>A machine that starts everything at once may take so long for the first answer: 3 s were seen on two busy cores.</summary>
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    private readonly long _startedAt = time.GetTimestamp();
    private long _answeredAt;
    private volatile string? _failure = "it has not been asked yet";
    private bool? _wasAnswering;

    /// <summary>Whether the last question was answered, and not long ago.</summary>
    public virtual bool IsAnswering => _failure is null && time.GetElapsedTime(Volatile.Read(ref _answeredAt)) < Freshness;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(IsAnswering ? HealthCheckResult.Healthy() : new HealthCheckResult(context.Registration.FailureStatus, _failure ?? "it does not answer"));

    /// <summary>Asks. Throws, or takes long, where the dependency is not fit for use.</summary>
    protected abstract Task AskAsync(CancellationToken cancellationToken);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var watching = guards[$"{dependency} watch"].RunEveryAsync(Interval, _ => LogChanges(), stoppingToken);
        await guards[$"{dependency} probe"].RunAsync(ProbeAsync, stoppingToken);
        await watching;
    }

    private async Task ProbeAsync(CancellationToken stoppingToken)
    {
        try
        {
            await AskAsync(stoppingToken);
            Volatile.Write(ref _answeredAt, time.GetTimestamp());
            _failure = null;
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
        {
            _failure = RedisFailure.ReasonOf(exception);
        }

        await Task.Delay(Interval, time, stoppingToken);
    }

    /// <summary>Beside the probe, which may be waiting for its answer.</summary>
    private Task LogChanges()
    {
        var isAnswering = IsAnswering;
        if (isAnswering != (_wasAnswering ?? true) && (isAnswering || _wasAnswering is not null || time.GetElapsedTime(_startedAt) > StartPatience))
        {
            if (isAnswering)
            {
                LogAvailable(logger, dependency);
            }
            else
            {
                LogUnavailable(logger, dependency, _failure ?? "it does not answer");
            }

            _wasAnswering = isAnswering;
        }

        return Task.CompletedTask;
    }

    [LoggerMessage(21, LogLevel.Warning, "DependencyUnavailable: {Dependency}: {Reason}")]
    private static partial void LogUnavailable(ILogger logger, string dependency, string reason);

    [LoggerMessage(22, LogLevel.Information, "DependencyAvailable: {Dependency} answers again")]
    private static partial void LogAvailable(ILogger logger, string dependency);
}
