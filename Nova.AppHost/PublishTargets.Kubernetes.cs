#if KUBERNETES
namespace Nova.AppHost;

/// <summary>Publishes a Helm chart. deploy/kubernetes has manifests of our own, with autoscaling and network policies.</summary>
internal static class PublishTargets
{
    public static void AddPublishTarget(this IDistributedApplicationBuilder builder) => builder.AddKubernetesEnvironment("kubernetes");

    public static IResourceBuilder<ProjectResource> PublishForServices(this IResourceBuilder<ProjectResource> service) => service;

    public static IResourceBuilder<ProjectResource> PublishForViewers(this IResourceBuilder<ProjectResource> gateway) => gateway;
}
#endif
