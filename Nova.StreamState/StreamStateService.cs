using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Configuration;
using Nova.StreamState.Ingest;
using Nova.StreamState.Outbox;
using Nova.StreamState.Streams;

namespace Nova.StreamState;

/// <summary>The stream-state service: what it registers and what it serves.</summary>
public static class StreamStateService
{
    public static void AddStreamState(this WebApplicationBuilder builder)
    {
        builder.AddServiceDefaults();
        builder.ReadPostgresConnection("streams");
        builder.ReadRedisConnection("redis");
        builder.AddNpgsqlDataSource("streams");
        builder.AddRedisClient("redis");
        builder.AddSchemaMigration("streams", typeof(StreamStateService).Assembly);

        var services = builder.Services;
        services.AddValidatedOptions<StreamStateOptions, ValidateStreamStateOptions>(StreamStateOptions.Section);
        services.AddRestJson(ProtocolJson.Default, StreamStateJson.Default);
        services.AddOpenApi();

        services.AddSingleton<StreamStateMetrics>();
        services.AddSingleton<LiveNumbersReader>();
        services.AddSingleton<EventPublisher>();
        services.AddSingleton<StreamStore>();
        services.AddSingleton<SignsOfLife>();
        services.AddSingleton<BitrateSampler>();
        services.AddSingleton<StreamChanges>();
        services.AddHostedService<OutboxRelay>();
        services.AddHostedService<IngestWatch>();
        services.AddHostedService<PeakKeeper>();
    }

    public static void MapStreamState(this WebApplication app)
    {
        app.UseServiceDefaults();
        app.MapOpenApi();
        app.MapStreamsApi();
        app.MapSnapshotApi();
    }
}
