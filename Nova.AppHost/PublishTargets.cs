#if !AZURE
namespace Nova.AppHost;

/// <summary>Published without Azure: Docker Compose.</summary>
internal static class PublishTargets
{
    public static void AddPublishTarget(this IDistributedApplicationBuilder builder) =>
        builder.AddDockerComposeEnvironment("compose");

    /// <summary>A viewer's socket outlives requests: give the gateway time to let its viewers go in waves.</summary>
    public static IResourceBuilder<ProjectResource> PublishForViewers(this IResourceBuilder<ProjectResource> gateway) =>
        gateway.PublishAsDockerComposeService((_, service) =>
        {
            service.StopGracePeriod = "60s";
            service.Ports = ["8080:${GATEWAY_PORT}"];
        });
}
#endif
