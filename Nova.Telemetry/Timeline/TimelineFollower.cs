using System.Net.Http.Json;
using Microsoft.Extensions.Options;
using Nova.Protocol;
using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Postgres;

namespace Nova.Telemetry.Timeline;

/// <summary>
/// Asks StreamState what happened to the streams, and stores it with the position up to which it has asked. One replica at a time. Whatever was down
/// meanwhile, the next one goes on from that position, so that nothing is missing (decision 0013).
/// </summary>
internal sealed class TimelineFollower(
    IHttpClientFactory clients, TimelineStore store, SchemaMigration schema, Leases leases, LoopGuards guards, IOptions<TelemetryOptions> options,
    TelemetryMetrics metrics, TimeProvider time) : BackgroundService
{
    /// <summary>Name of the client that reaches StreamState.</summary>
    public const string Client = "stream-state";

    private const int PageSize = 2000;

    private readonly Leases.Lease _lease = leases.For("timeline");

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await schema.Applied.WaitAsync(stoppingToken);
        await guards["timeline"].RunEveryAsync(options.Value.TimelineInterval, FollowAsync, stoppingToken);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1), time);
        await _lease.ReleaseAsync(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // Else another replica waits for its end.
    }

    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        var read = PageSize;
        while (read == PageSize && await _lease.TryHoldAsync(cancellationToken))
        {
            var position = await store.ReadPositionAsync(cancellationToken);
            var page = await clients.CreateClient(Client).GetFromJsonAsync(
                $"internal/timeline?after={position}&limit={PageSize}", ProtocolJson.Default.TimelinePage, cancellationToken);
            read = page!.Entries.Count;
            if (read > 0)
            {
                await store.AddAsync(page, cancellationToken);
            }

            metrics.TimelineFollowed();
        }
    }
}
