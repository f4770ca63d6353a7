#if NO_TARGET
namespace Nova.AppHost;

/// <summary>Without a target nothing is added: the model runs on this machine, and its manifest says what azd and other tools need.</summary>
internal static class PublishTargets
{
    public static void AddPublishTarget(this IDistributedApplicationBuilder _)
    {
    }

    public static IResourceBuilder<ProjectResource> PublishForServices(this IResourceBuilder<ProjectResource> service) => service;

    public static IResourceBuilder<ProjectResource> PublishForViewers(this IResourceBuilder<ProjectResource> gateway) => gateway;
}
#endif
