#if COMPOSE
namespace Nova.AppHost;

/// <summary>Publishes to Docker Compose.</summary>
internal static class PublishTargets
{
    public static void AddPublishTarget(this IDistributedApplicationBuilder builder) =>
        builder.AddDockerComposeEnvironment("compose").WithDashboard(dashboard => dashboard.WithHostPort(18888));

    public static IResourceBuilder<ProjectResource> PublishForServices(this IResourceBuilder<ProjectResource> service) =>
        service.PublishAsDockerComposeService((_, compose) => compose.Restart = "unless-stopped");

    /// <summary>Gives a stopping gateway 60 s to close its viewers in waves.</summary>
    public static IResourceBuilder<ProjectResource> PublishForViewers(this IResourceBuilder<ProjectResource> gateway) =>
        gateway.PublishAsDockerComposeService((_, compose) =>
        {
            compose.Restart = "unless-stopped";
            compose.StopGracePeriod = "60s";
            compose.Ports = ["8080-8089:${GATEWAY_PORT}"]; // A range: each gateway of --scale gateway=N takes the next port.
        });
}
#endif
