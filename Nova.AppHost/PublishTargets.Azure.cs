#if AZURE
using Azure.Provisioning.AppContainers;

namespace Nova.AppHost;

/// <summary>Publishes to Azure Container Apps, with a managed PostgreSQL and a managed Redis in place of the containers.</summary>
internal static class PublishTargets
{
    /// <summary>
    /// Percent of a replica's CPU and memory at which Azure adds one: CPU follows deliveries, memory follows open sockets. The HTTP rule does not fit: it
    /// counts the requests of the last 15 s, and a socket that has been open for an hour is none of them.
    /// </summary>
    private const string BusyPercent = "60";

    /// <summary>Longer than the gateway's drain, including its waves and the viewers' close frames.</summary>
    private const long TerminationGraceSeconds = 120;

    /// <summary>
    /// Where Container Apps' ingress reaches a replica from: the first in consumption environments, the second was seen in others. If the gateway did
    /// not trust them, all viewers would share one address's limits. Replicas have no other way in, so that nobody else can send from there.
    /// </summary>
    private const string IngressNetworks = "100.64.0.0/10,10.250.0.0/16";

    /// <summary>The smallest server lets 35 sessions in; during a roll-out there are four replicas of each service.</summary>
    private const string PoolSize = "3";

    private const string PoolSizeName = "postgres-pool-size";

    public static void AddPublishTarget(this IDistributedApplicationBuilder builder) =>
        builder.AddAzureContainerAppEnvironment("aca");

    public static BackingServices AddAzureBackingServices(this IDistributedApplicationBuilder builder)
    {
        // Passwords in a key vault, not managed identity: the services accept a complete connection string from any provider.
        var postgres = builder.AddAzurePostgresFlexibleServer("postgres")
            .WithPasswordAuthentication()
            .RunAsContainer(container => container.WithDataVolume("nova-postgres"));
        var redis = builder.AddAzureManagedRedis("redis")
            .WithAccessKeyAuthentication()
            .RunAsContainer();
        return new(postgres.AddDatabase("streams"), postgres.AddDatabase("telemetry-db", "telemetry"), redis);
    }

    public static IResourceBuilder<ProjectResource> PublishForServices(this IResourceBuilder<ProjectResource> service) =>
        service.WithEnvironment("Postgres__MaxPoolSize", service.ApplicationBuilder.PoolSizeParameter());

    /// <summary>Scales on what viewers cost, and lets a stopping replica close its viewers in waves.</summary>
    public static IResourceBuilder<ProjectResource> PublishForViewers(this IResourceBuilder<ProjectResource> gateway) => gateway
        .WithEnvironment(
            "Gateway__KnownProxies",
            gateway.ApplicationBuilder.AddParameter("ingress-networks", IngressNetworks, publishValueAsDefault: true)
                .WithDescription("Networks that the ingress reaches the gateway from; it believes what they say about a client's address."))
        .PublishAsAzureContainerApp((_, app) =>
        {
            app.Template.TerminationGracePeriodSeconds = TerminationGraceSeconds;
            app.Template.Scale.MaxReplicas = 20; // At least the model's two replicas, which are the minimum.
            app.Template.Scale.Rules = [BusyRule("cpu"), BusyRule("memory")];

            // Allows HTTP/1.1 upgrades and HTTP/2 CONNECT. Every gateway can serve every viewer, so affinity is not needed.
            app.Configuration.Ingress.Transport = ContainerAppIngressTransportMethod.Auto;
        });

    private static ContainerAppScaleRule BusyRule(string resource) => new()
    {
        Name = resource,
        Custom = new ContainerAppCustomScaleRule
        {
            CustomScaleRuleType = resource,
            Metadata = { { "type", "Utilization" }, { "value", BusyPercent } },
        },
    };

    /// <summary>One parameter for all services.</summary>
    private static IResourceBuilder<ParameterResource> PoolSizeParameter(this IDistributedApplicationBuilder builder) =>
        builder.Resources.OfType<ParameterResource>().SingleOrDefault(parameter => parameter.Name == PoolSizeName) is { } existing
            ? builder.CreateResourceBuilder(existing)
            : builder.AddParameter(PoolSizeName, PoolSize, publishValueAsDefault: true)
                .WithDescription("PostgreSQL sessions of each replica, besides the one that listens.");
}
#endif
