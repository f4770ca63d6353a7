using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Options;
using Nova.Gateway.Admission;
using Nova.Gateway.Development;
using Nova.Gateway.Draining;
using Nova.Gateway.Feed;
using Nova.Gateway.Http;
using Nova.Gateway.Issues;
using Nova.Gateway.Presence;
using Nova.Gateway.Proxy;
using Nova.Gateway.ViewerList;
using Nova.Gateway.Viewers;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Configuration;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Redis;
using Nova.ServiceDefaults.Security;

namespace Nova.Gateway;

/// <summary>The gateway: what it registers and what it serves.</summary>
public static class GatewayService
{
    public static void AddGateway(this WebApplicationBuilder builder)
    {
        builder.AddServiceDefaults();
        builder.AddRedis("redis", new PacedReads(TimeProvider.System));

        var services = builder.Services;
        services.AddValidatedOptions<GatewayOptions, ValidateGatewayOptions>(GatewayOptions.Section);
        services.AddOptions<HostOptions>().Configure<IServiceProvider>(AllowForDrain);
        services.AddRestJson(ProtocolJson.Default, ViewerListJson.Default, DevTokensJson.Default);

        builder.WebHost.ConfigureViewerSockets();

        services.AddHttpClient<SnapshotClient>(http => http.BaseAddress = new Uri("https+http://stream-state")).AddInternalKey()
            .AddServiceClient(attempt: TimeSpan.FromSeconds(1), total: TimeSpan.FromSeconds(2.5)); // Of the 3 s that a viewer's upgrade may take.
        services.AddHttpClient(IssueForwarder.Client, http => http.BaseAddress = new Uri("https+http://telemetry")).AddInternalKey()
            .AddServiceClient(attempt: TimeSpan.FromSeconds(5), total: TimeSpan.FromSeconds(10));
        services.AddServiceProxy();
        services.AddCrossOrigin();

        services.AddSingleton<GatewayMetrics>();
        services.AddSingleton<FileDescriptors>();
        services.AddSingleton<AdmissionControl>();
        services.AddSingleton<ClientNetworks>();
        services.AddSingleton<OriginList>();
        services.AddSingleton<UpgradeRates>();
        services.AddSingleton<RequestRates>();
        services.AddSingleton<ViewerEndpoint>();
        services.AddSingleton<EventChannels>();
        services.AddSingleton<RecountRequests>();
        services.AddSingleton<ViewerListRequests>();
        services.AddSingleton<PresenceScript>();
        services.AddSingleton<StreamFeedFactory>();
        services.AddSingleton<ViewerSessions>();
        services.AddSingletonHostedService<RoomDirectory>();
        services.AddSingletonHostedService<ViewerTimerWheel>();
        services.AddSingletonHostedService<GatewayLease>();
        services.AddSingletonHostedService<ChangedCounts>();
        services.AddSingletonHostedService<ViewerCounts>();
        services.AddHostedService<RoomAudit>();
        services.AddSingletonHostedService<IssueForwarder>();
        services.AddSingletonHostedService<ViewerListCalls>();
        services.AddSingletonHostedService<DrainService>();
        services.AddSingletonHostedService<FeedSupervisor>();
        services.AddHealthChecks().AddCheck<DrainService>("draining");
    }

    public static void MapGateway(this WebApplication app)
    {
        app.UseRequestWatch();
        app.UseKnownProxies();
        app.UseSecurityHeaders();
        app.UseCors();
        app.UseServiceDefaults();
        app.UseWebConsole();
        app.MapViewers();
        app.MapRestReference();
        app.MapSocketReference();
        app.MapViewerList();
        app.MapDevTokens();
        app.MapServices();
    }

    private static void AllowForDrain(HostOptions host, IServiceProvider services)
    {
        try
        {
            host.ShutdownTimeout = DrainService.LongestStop(services.GetRequiredService<IOptions<GatewayOptions>>().Value);
        }
        catch (OptionsValidationException)
        {
            // The host asks before anything is validated; the start reports this with everything else.
        }
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
