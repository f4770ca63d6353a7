using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace Nova.ServiceDefaults;

internal static class HealthEndpoints
{
    /// <summary>Ready for new work: every check passes. False while draining or while a dependency that new work needs is down.</summary>
    public const string Ready = "/health";

    /// <summary>The process answers. An orchestrator restarts what is not alive, so no dependency counts here.</summary>
    public const string Live = "/alive";

    private const string LiveTag = "live";

    /// <summary>The name that Aspire's client, and ours in its place, registers its check under.</summary>
    private const string Redis = "StackExchange.Redis";

    public static void AddDefaultHealthChecks(this IHostApplicationBuilder builder)
    {
        builder.Services.AddHealthChecks().AddCheck("self", () => HealthCheckResult.Healthy(), [LiveTag]);

        // Degraded, not unhealthy: viewers stay and state changes are kept while Redis is away, so nobody gains by a restart (S47).
        builder.Services.PostConfigure<HealthCheckServiceOptions>(options =>
        {
            foreach (var check in options.Registrations.Where(check => check.Name == Redis))
            {
                check.FailureStatus = HealthStatus.Degraded;
            }
        });
    }

    /// <summary>Mapped in every environment: an orchestrator in production needs them most. The bodies say one word and no internals.</summary>
    public static void MapHealthEndpoints(this WebApplication app)
    {
        app.MapHealthChecks(Ready).AllowAnonymous();
        app.MapHealthChecks(Live, new HealthCheckOptions { Predicate = check => check.Tags.Contains(LiveTag) }).AllowAnonymous();
    }
}
