using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Nova.Client;

namespace Nova.Demo;

/// <summary>Broadcasts until the program stops, and ends the stream then. A stream that somebody else ended is followed by a new one.</summary>
internal sealed partial class DemoService(IOptions<DemoOptions> options, TimeProvider time, ILogger<DemoService> logger) : BackgroundService, IHealthCheck
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private volatile bool _isBroadcasting;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(_isBroadcasting ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("The gateway has not accepted the broadcast yet."));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var gateway = options.Value.Gateway!;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await using var demo = await DemoBroadcaster.StartAsync([gateway], stoppingToken);
                _isBroadcasting = true;
                LogStarted(logger, demo.StreamId, gateway);
                await demo.Ended.WaitAsync(stoppingToken);
            }
            catch (Exception exception) when (exception is HttpRequestException or NovaApiException)
            {
                LogRefused(logger, gateway, exception.Message);
                await Task.Delay(Pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException)
            {
            }
            finally
            {
                _isBroadcasting = false;
            }
        }
    }

    [LoggerMessage(1, LogLevel.Information, "DemoStarted: stream {StreamId} is live; watch it at {Gateway}")]
    private static partial void LogStarted(ILogger logger, Guid streamId, Uri gateway);

    [LoggerMessage(2, LogLevel.Warning, "DemoRefused: the gateway at {Gateway} did not accept the broadcast: {Reason} The demo tries again every second")]
    private static partial void LogRefused(ILogger logger, Uri gateway, string reason);
}
