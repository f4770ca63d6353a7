#if AZURE
using Azure.Provisioning.AppContainers;

namespace Nova.AppHost;

/// <summary>Publishes to Azure Container Apps, with a managed PostgreSQL and a managed Redis in place of the containers.</summary>
internal static class PublishTargets
{
    /// <summary>Open sockets per replica at which Azure adds a replica: a tenth of Gateway:MaxConnections.</summary>
    private const string SocketsPerReplica = "5000";

    /// <summary>Longer than the gateway's drain, including its waves and the viewers' close frames.</summary>
    private const long TerminationGraceSeconds = 120;

    /// <summary>The addresses of Container Apps' ingress. If the gateway did not trust them, all viewers would share one address's limits.</summary>
    private const string Ingress = "100.64.0.0/10";

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

    public static IResourceBuilder<ProjectResource> PublishForServices(this IResourceBuilder<ProjectResource> service) => service;

    /// <summary>Scales on open sockets (each is a concurrent request to the ingress), and lets a stopping replica close its viewers in waves.</summary>
    public static IResourceBuilder<ProjectResource> PublishForViewers(this IResourceBuilder<ProjectResource> gateway) =>
        gateway.WithEnvironment("Gateway__KnownProxies", Ingress).PublishAsAzureContainerApp((_, app) =>
        {
            app.Template.TerminationGracePeriodSeconds = TerminationGraceSeconds;
            app.Template.Scale.MaxReplicas = 20; // At least the model's two replicas, which are the minimum.
            app.Template.Scale.Rules =
            [
                new ContainerAppScaleRule
                {
                    Name = "open-sockets",
                    Http = new ContainerAppHttpScaleRule { Metadata = { { "concurrentRequests", SocketsPerReplica } } },
                },
            ];

            // Allows HTTP/1.1 upgrades and HTTP/2 CONNECT. Every gateway can serve every viewer, so affinity is not needed.
            app.Configuration.Ingress.Transport = ContainerAppIngressTransportMethod.Auto;
        });
}
#endif
