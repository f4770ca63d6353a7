using Microsoft.Extensions.FileProviders;
using Nova.Gateway.Draining;
using Nova.Gateway.Fanout;
using Nova.Gateway.Feed;
using Nova.Gateway.Issues;
using Nova.Gateway.Presence;
using Nova.Gateway.Proxy;
using Nova.Gateway.Trust;
using Nova.Gateway.Viewers;
using Nova.Gateway.WebSockets;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Configuration;

namespace Nova.Gateway;

/// <summary>The gateway: what it registers and what it serves.</summary>
public static class GatewayService
{
    public static void AddGateway(this WebApplicationBuilder builder)
    {
        builder.AddServiceDefaults();
        builder.ReadRedisConnection("redis");
        builder.AddRedisClient("redis");

        var services = builder.Services;
        services.AddValidatedOptions<GatewayOptions, ValidateGatewayOptions>(GatewayOptions.Section);
        services.AddRestJson(ProtocolJson.Default, DevTokensJson.Default);

        builder.WebHost.ConfigureViewerSockets();

        services.AddHttpClient<SnapshotClient>(http => http.BaseAddress = new Uri("https+http://stream-state")).AddInternalKey();
        services.AddHttpClient(IssueForwarder.Client, http => http.BaseAddress = new Uri("https+http://telemetry")).AddInternalKey();
        services.AddHttpForwarder();
        services.AddSingleton<ServiceProxy>();

        services.AddSingleton<GatewayMetrics>();
        services.AddSingleton<FileDescriptors>();
        services.AddSingleton<Admission>();
        services.AddSingleton<ClientNetworks>();
        services.AddSingleton<OriginList>();
        services.AddSingleton<UpgradeRates>();
        services.AddSingleton<RequestRates>();
        services.AddSingleton<ViewerEndpoint>();
        services.AddSingleton<EventChannels>();
        services.AddSingleton<StreamFeedFactory>();
        services.AddSingleton<ViewerSessions>();
        services.AddSingletonHostedService<RoomDirectory>();
        services.AddSingletonHostedService<PingWheel>();
        services.AddSingletonHostedService<ViewerCounts>();
        services.AddSingletonHostedService<IssueForwarder>();
        services.AddSingletonHostedService<DrainService>();
        services.AddHostedService<FeedSupervisor>();
        services.AddHealthChecks().AddCheck<DrainService>("draining");
    }

    public static void MapGateway(this WebApplication app)
    {
        app.UseKnownProxies();
        app.UseSecurityHeaders();
        app.UseServiceDefaults();
        app.UseWebConsole();
        app.MapViewers();
        app.MapDevTokens();
        app.MapServices();
    }

    /// <summary>The console's files are in the assembly, so that they are served the same from every host and folder.</summary>
    private static void UseWebConsole(this WebApplication app)
    {
        var files = new ManifestEmbeddedFileProvider(typeof(GatewayService).Assembly, "wwwroot");
        app.UseDefaultFiles(new DefaultFilesOptions { FileProvider = files });
        app.UseStaticFiles(new StaticFileOptions { FileProvider = files, OnPrepareResponse = SecurityHeaders.AllowPage });
    }

    private static void AddSingletonHostedService<T>(this IServiceCollection services)
        where T : class, IHostedService
    {
        services.AddSingleton<T>();
        services.AddHostedService(provider => provider.GetRequiredService<T>());
    }
}
