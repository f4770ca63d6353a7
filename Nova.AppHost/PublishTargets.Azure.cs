#if AZURE
using Azure.Provisioning.AppContainers;

namespace Nova.AppHost;

/// <summary>Published to Azure Container Apps, with a managed PostgreSQL and a managed Redis in place of the containers.</summary>
internal static class PublishTargets
{
    /// <summary>Open sockets per replica at which another one starts: a tenth of what Gateway:MaxConnections allows.</summary>
    private const string SocketsPerReplica = "5000";

    /// <summary>Longer than the gateway's drain, waves and answers included.</summary>
    private const long TerminationGraceSeconds = 120;

    /// <summary>Where Container Apps' ingress connects from: without it all viewers would share its address' limits.</summary>
    private const string Ingress = "100.64.0.0/10";

    public static void AddPublishTarget(this IDistributedApplicationBuilder builder) =>
        builder.AddAzureContainerAppEnvironment("aca");

    public static BackingServices AddAzureBackingServices(this IDistributedApplicationBuilder builder)
    {
        // Passwords, not managed identity: the services' clients take a whole connection string from anywhere. They live in a key vault.
        var postgres = builder.AddAzurePostgresFlexibleServer("postgres")
            .WithPasswordAuthentication()
            .RunAsContainer(container => container.WithDataVolume("nova-postgres"));
        var redis = builder.AddAzureManagedRedis("redis")
            .WithAccessKeyAuthentication()
            .RunAsContainer();
        return new(postgres.AddDatabase("streams"), postgres.AddDatabase("telemetry-db", "telemetry"), redis);
    }

    /// <summary>Scale on open sockets (each is a concurrent request to the ingress), keep two, and let viewers go in waves when one stops.</summary>
    public static IResourceBuilder<ProjectResource> PublishForViewers(this IResourceBuilder<ProjectResource> gateway) =>
        gateway.WithEnvironment("Gateway__KnownProxies", Ingress).PublishAsAzureContainerApp((_, app) =>
        {
            app.Template.TerminationGracePeriodSeconds = TerminationGraceSeconds;
            app.Template.Scale.MaxReplicas = 20; // At least as many as the model has replicas.
            app.Template.Scale.Rules =
            [
                new ContainerAppScaleRule
                {
                    Name = "open-sockets",
                    Http = new ContainerAppHttpScaleRule { Metadata = { { "concurrentRequests", SocketsPerReplica } } },
                },
            ];

            // HTTP/1.1 upgrades and HTTP/2 CONNECT both; affinity is not needed, any gateway serves any viewer.
            app.Configuration.Ingress.Transport = ContainerAppIngressTransportMethod.Auto;
        });
}
#endif
