#pragma warning disable ASPIREPROBES001 // Only probes are published to Azure and Kubernetes; a plain health check is not.

namespace Nova.AppHost;

internal static class ServiceExtensions
{
    /// <summary>What every service of Nova has: probes, a port of its own, and no trust in headers that anybody can send.</summary>
    /// <param name="port">Port on this machine; null for a free one.</param>
    public static IResourceBuilder<ProjectResource> WithNovaDefaults(this IResourceBuilder<ProjectResource> service, int? port = null)
    {
        service
            .WithHttpProbe(ProbeType.Readiness, "/health", endpointName: "http")
            .WithHttpProbe(ProbeType.Liveness, "/alive", timeoutSeconds: 3, endpointName: "http")
            .DisableForwardedHeaders(); // Aspire's default trusts every sender; the gateway trusts Gateway:KnownProxies only.
        if (service.ApplicationBuilder.ExecutionContext.IsRunMode)
        {
            service
                .WithEndpoint("http", endpoint => endpoint.Port = port) // The launch profile's would be the same for every copy of Nova.
                .WithEnvironment("Gateway__DrainDelay", "00:00:00") // No load balancer needs to hear of a stop first, and Ctrl+C ends sooner.
                .WithQueriesRedacted();
        }

        return service;
    }

    /// <summary>Aspire shows whole URLs in traces of a development machine; viewers carry their token in the query.</summary>
    public static IResourceBuilder<ProjectResource> WithQueriesRedacted(this IResourceBuilder<ProjectResource> service) => service
        .WithEnvironment("OTEL_DOTNET_EXPERIMENTAL_ASPNETCORE_DISABLE_URL_QUERY_REDACTION", "false")
        .WithEnvironment("OTEL_DOTNET_EXPERIMENTAL_HTTPCLIENT_DISABLE_URL_QUERY_REDACTION", "false");

    /// <summary>A broadcaster and an audience that use the public API, so that there is something to see. Not published.</summary>
    public static void AddDemo(this IDistributedApplicationBuilder builder, AppHostSettings settings, IResourceBuilder<ProjectResource> gateway)
    {
        if (!builder.ExecutionContext.IsRunMode)
        {
            return;
        }

        var demo = builder.AddProject<Projects.Nova_Demo>(Announcement.Demo)
            .WithIconName("Live")
            .WithEndpoint("http", endpoint => endpoint.Port = null)
            .WithEnvironment("Demo__Gateway", gateway.GetEndpoint("http")).WaitFor(gateway)
            .WithHttpHealthCheck("/health")
            .WithQueriesRedacted()
            .WithUrls(context => context.Urls.ForEach(url => url.DisplayLocation = UrlDisplayLocation.DetailsOnly));
        if (settings.Demo is DemoStart.Manual)
        {
            demo.WithExplicitStart();
        }
    }
}
