using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Configuration;
using Nova.ServiceDefaults.Postgres;
using Nova.ServiceDefaults.Redis;
using Nova.StreamState.Ingest;
using Nova.StreamState.Outbox;
using Nova.StreamState.Presence;
using Nova.StreamState.Retention;
using Nova.StreamState.Streams;
using Nova.StreamState.Timeline;

namespace Nova.StreamState;

/// <summary>The stream-state service: what it registers and what it serves.</summary>
public static class StreamStateService
{
    public static void AddStreamState(this WebApplicationBuilder builder)
    {
        builder.AddServiceDefaults();
        builder.AddPostgres("streams");
        if (builder.Configuration.GetConnectionString(OutboxListener.Direct) is { Length: > 0 })
        {
            builder.ReadPostgresConnection(OutboxListener.Direct);
        }

        builder.AddRedis("redis");
        builder.AddSchemaMigration("streams", typeof(StreamStateService).Assembly);

        var services = builder.Services;
        services.AddValidatedOptions<StreamStateOptions, ValidateStreamStateOptions>(StreamStateOptions.Section);
        services.AddRestJson(ProtocolJson.Default, StreamStateJson.Default);

        services.AddSingleton<StreamStateMetrics>();
        services.AddSingleton<LiveGateways>();
        services.AddSingleton<PresenceReader>();
        services.AddSingleton<EventPublisher>();
        services.AddSingleton<OutboxSignals>();
        services.AddSingleton<StreamResults>();
        services.AddSingleton<StreamQueries>();
        services.AddSingleton<ActiveStreams>();
        services.AddSingleton<StreamStore>();
        services.AddSingleton<BroadcasterLiveness>();
        services.AddSingleton<IngestRows>();
        services.AddSingleton<WatchedStreams>();
        services.AddSingleton<IngestSignals>();
        services.AddSingleton<HeldBitrates>();
        services.AddHostedService(provider => provider.GetRequiredService<HeldBitrates>());
        services.AddSingleton<PublisherCalls>();
        services.AddHostedService<OutboxRelay>();
        services.AddHostedService<OutboxListener>();
        services.AddSingleton<OutboxWatch>();
        services.AddHostedService(provider => provider.GetRequiredService<OutboxWatch>());
        services.AddHostedService<IngestWatch>();
        services.AddHostedService<PresencePersister>();
        services.AddHostedService<RetentionSweep>();
        services.AddHealthChecks().AddCheck<OutboxWatch>("outbox");
    }

    public static void MapStreamState(this WebApplication app)
    {
        app.UseServiceDefaults();
        app.MapStreamsApi();
        app.MapIngestApi();
        app.MapSnapshotApi();
        app.MapTimelineApi();
    }
}
