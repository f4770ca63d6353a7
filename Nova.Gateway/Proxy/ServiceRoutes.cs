using Nova.Gateway.Admission;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.Transforms;
using Yarp.ReverseProxy.Transforms.Builder;

namespace Nova.Gateway.Proxy;

/// <summary>
/// The REST APIs of the services behind the gateway, on its own origin. Requests are forwarded as they are, to addresses from service
/// discovery; each service checks the token itself.
/// </summary>
internal static class ServiceRoutes
{
    /// <summary>A publisher's call may take five seconds (DESIGN.md 8); a service that hangs is found by its probe before the next one.</summary>
    private static readonly ForwarderRequestConfig Request = new() { ActivityTimeout = TimeSpan.FromSeconds(5) };

    /// <summary>Feeds are silent for up to the 15 s between two heartbeats.</summary>
    private static readonly ForwarderRequestConfig FeedRequest = new() { ActivityTimeout = TimeSpan.FromSeconds(60) };

    private const string Feeds = "telemetry-feeds";

    private static readonly RouteConfig[] Routes =
    [
        Route("stream-issues", "/api/v1/streams/{id}/issues/{**rest}", "telemetry"),
        Route("stream-qoe", "/api/v1/streams/{id}/qoe", "telemetry"),
        Route("quality", "/api/v1/quality/{**rest}", "telemetry"),
        Route("issue-feed", "/api/v1/issues/stream", Feeds),
        Route("streams", "/api/v1/streams/{**rest}", "stream-state"),
        Route("issues", "/api/v1/issues/{**rest}", "telemetry"),
        Route("openapi", "/openapi/{**rest}", "stream-state"),
    ];

    private static readonly ClusterConfig[] Clusters = [Cluster("stream-state"), Cluster("telemetry"), Cluster("telemetry", Feeds, FeedRequest)];

    public static void AddServiceProxy(this IServiceCollection services)
    {
        services.AddReverseProxy()
            .LoadFromMemory(Routes, Clusters)
            .AddServiceDiscoveryDestinationResolver()
            .ConfigureHttpClient((_, handler) => handler.ConnectTimeout = TimeSpan.FromSeconds(1))
            .AddTransforms(Configure);
        services.AddSingleton<ProxyFailures>();
    }

    public static void MapServices(this WebApplication app) =>
        app.MapReverseProxy(pipeline =>
        {
            pipeline.Use(RequestLimit.ApplyAsync);
            pipeline.Use(ProxyFailures.AnswerAsync);
            pipeline.Use(EndFeedAtStopAsync);
            pipeline.Use(NextAddress.TryAsync);
            pipeline.UseLoadBalancing();
        }).ExcludeFromDescription().AllowAnonymous();

    /// <summary>A feed lasts as long as its reader wants: a gateway that stops would wait for it. The reader comes back with its last id.</summary>
    private static async Task EndFeedAtStopAsync(HttpContext http, RequestDelegate next)
    {
        var isFeed = http.GetReverseProxyFeature().Cluster.Config.ClusterId == Feeds;
        var stopping = http.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        using var ending = isFeed ? stopping.Register(http.Abort) : default;
        await next(http);
    }

    private static RouteConfig Route(string id, string path, string service) => new() { RouteId = id, ClusterId = service, Match = new RouteMatch { Path = path } };

    /// <summary>A replica that is dead or hangs gets no requests after its next probe; where none is well, all are tried.</summary>
    private static ClusterConfig Cluster(string service, string? id = null, ForwarderRequestConfig? request = null) => new()
    {
        ClusterId = id ?? service,
        LoadBalancingPolicy = "PowerOfTwoChoices",
        HttpRequest = request ?? Request,
        Destinations = new Dictionary<string, DestinationConfig> { [service] = new() { Address = $"https+http://{service}" } },
        Metadata = new Dictionary<string, string> { [ConsecutiveFailuresHealthPolicyOptions.ThresholdMetadataName] = "1" },
        HealthCheck = new HealthCheckConfig
        {
            AvailableDestinationsPolicy = HealthCheckConstants.AvailableDestinations.HealthyOrPanic,
            Active = new ActiveHealthCheckConfig
            {
                Enabled = true,
                Path = "/alive",
                Interval = TimeSpan.FromSeconds(1.5),
                Timeout = TimeSpan.FromSeconds(1),
                Policy = HealthCheckConstants.ActivePolicy.ConsecutiveFailures,
            },
        },
    };

    private static void Configure(TransformBuilderContext context)
    {
        context.UseDefaultForwarders = false; // The services ask nobody's address.
        context.AddRequestTransform(request =>
        {
            // Only the WebSocket endpoint reads tokens from the query; here one would only end up in somebody's log.
            foreach (var name in request.Query.Collection.Keys.Where(name => name.Equals("token", StringComparison.OrdinalIgnoreCase)).ToList())
            {
                request.Query.Collection.Remove(name);
            }

            return ValueTask.CompletedTask;
        });
    }
}
