using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace Nova.ServiceDefaults.Health;

internal static class DependencyProbes
{
    /// <param name="name">Of the health check.</param>
    /// <param name="whenUnavailable">What the service is while the dependency does not answer.</param>
    public static void AddDependencyProbe<TProbe>(this IServiceCollection services, string name, HealthStatus whenUnavailable)
        where TProbe : DependencyProbe
    {
        services.AddSingleton<TProbe>();
        services.AddHostedService(provider => provider.GetRequiredService<TProbe>());
        services.AddHealthChecks().Add(new HealthCheckRegistration(name, provider => provider.GetRequiredService<TProbe>(), whenUnavailable, tags: null));
    }
}
