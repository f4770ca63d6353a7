using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Nova.Gateway.Trust;
using Nova.Gateway.Viewers;
using Nova.Protocol;

namespace Nova.Gateway.Draining;

/// <summary>
/// Sends viewers elsewhere before this gateway stops: not ready first, no new upgrades, then 1001 in waves, each viewer with its own delay,
/// so that they do not all come to the next gateway at once. Runs before the web server stops.
/// </summary>
internal sealed class DrainService(
    Admission admission, ViewerSessions sessions, IOptions<GatewayOptions> options, TimeProvider time, ILogger<DrainService> logger)
    : IHostedLifecycleService, IHealthCheck
{
    /// <summary>How long closed viewers may take to answer; a socket aborts itself after that.</summary>
    private static readonly TimeSpan LastAnswers = TimeSpan.FromSeconds(4);

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(admission.IsDraining ? HealthCheckResult.Unhealthy("draining") : HealthCheckResult.Healthy());

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        admission.Drain();
        logger.DrainStarted(admission.Open);
        var spread = (int)options.Value.DrainRetrySpread.TotalMilliseconds;
        foreach (var wave in sessions.Open.Chunk(options.Value.DrainWave))
        {
            foreach (var viewer in wave)
            {
                viewer.Close(CloseCode.GoingAway, $"drain retry_after_ms={Random.Shared.Next(spread)}");
            }

            if (sessions.Open.Count > wave.Length)
            {
                await Task.Delay(options.Value.DrainInterval, time, cancellationToken);
            }
        }

        var started = time.GetTimestamp();
        while (admission.Open > 0 && time.GetElapsedTime(started) < LastAnswers)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), time, cancellationToken);
        }

        logger.DrainFinished(admission.Open);
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
