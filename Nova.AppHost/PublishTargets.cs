#if !AZURE
namespace Nova.AppHost;

/// <summary>Publishes to Docker Compose, the target without Azure.</summary>
internal static class PublishTargets
{
    public static void AddPublishTarget(this IDistributedApplicationBuilder builder) =>
        builder.AddDockerComposeEnvironment("compose");

    /// <summary>Gives a stopping gateway 60 s to close its viewers in waves.</summary>
    public static IResourceBuilder<ProjectResource> PublishForViewers(this IResourceBuilder<ProjectResource> gateway) =>
        gateway.PublishAsDockerComposeService((_, service) =>
        {
            service.StopGracePeriod = "60s";
            service.Ports = ["8080:${GATEWAY_PORT}"];
        });
}
#endif
