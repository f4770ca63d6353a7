using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Nova.Gateway.Admission;
using Nova.Gateway.Issues;
using Nova.Gateway.Presence;
using Nova.Gateway.Viewers;

namespace Nova.Gateway.Draining;

/// <summary>
/// Sends viewers elsewhere before this gateway stops: not ready first, no new upgrades, then 1001 in waves, each viewer with its own delay,
/// so that they do not all come to the next gateway at once. Runs before the web server stops.
/// </summary>
internal sealed class DrainService(
    AdmissionControl admission, ViewerSessions sessions, ViewerCounts counts, IssueForwarder issues, IOptions<GatewayOptions> options, GatewayMetrics metrics, TimeProvider time,
    ILogger<DrainService> logger)
    : IHostedLifecycleService, IHealthCheck
{
    /// <summary>How long closed viewers may take to answer; a socket aborts itself after that.</summary>
    private static readonly TimeSpan LastAnswers = TimeSpan.FromSeconds(4);

    /// <summary>How long Redis may take to hear that nobody is here any more.</summary>
    private static readonly TimeSpan Release = TimeSpan.FromSeconds(2);

    /// <summary>How long reports of issues that wait may take to be stored, while their viewers can still be told.</summary>
    private static readonly TimeSpan Reports = TimeSpan.FromSeconds(2);

    /// <summary>For calls that are under way, and the web server.</summary>
    private static readonly TimeSpan Afterwards = TimeSpan.FromSeconds(8);

    /// <summary>All that a stop can take; the host waits that long, or the last waves would get no close frame.</summary>
    public static TimeSpan LongestStop(GatewayOptions options) =>
        options.DrainDelay + (options.DrainInterval * Math.Ceiling((double)options.MaxConnections / options.DrainWave)) + LastAnswers + Release + Reports + Afterwards;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(admission.IsDraining ? HealthCheckResult.Unhealthy("draining") : HealthCheckResult.Healthy());

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        admission.Drain();
        logger.DrainStarted(admission.Open);
        await Task.Delay(options.Value.DrainDelay, time, cancellationToken);
        await issues.HandBackAsync(Reports);
        await CloseInWavesAsync(cancellationToken);

        var started = time.GetTimestamp();
        while (admission.Open > 0 && time.GetElapsedTime(started) < LastAnswers)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), time, cancellationToken);
        }

        await counts.ReleaseAsync(Release);
        logger.DrainFinished(admission.Open);
    }

    private async Task CloseInWavesAsync(CancellationToken cancellationToken)
    {
        var spread = (int)options.Value.DrainRetrySpread.TotalMilliseconds;
        var viewers = sessions.Open;
        var remaining = viewers.Count;
        foreach (var wave in viewers.Chunk(options.Value.DrainWave))
        {
            metrics.DrainRemaining(remaining);
            foreach (var viewer in wave)
            {
                viewer.Close(ViewerClose.Drain(Random.Shared.Next(spread)));
            }

            remaining -= wave.Length;
            if (remaining > 0)
            {
                await Task.Delay(options.Value.DrainInterval, time, cancellationToken);
            }
        }

        metrics.DrainRemaining(0);
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
