using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Nova.ServiceDefaults.Background;

namespace Nova.ServiceDefaults.Health;

internal static class HealthEndpoints
{
    /// <summary>Ready for new work: every check passes. False while draining or while a dependency that new work needs is down.</summary>
    public const string Ready = "/health";

    /// <summary>The process answers. An orchestrator restarts what is not alive, so no dependency counts here.</summary>
    public const string Live = "/alive";

    private const string LiveTag = "live";

    public static void AddDefaultHealthChecks(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<LoopGuards>();
        builder.Services.AddHealthChecks()
            .AddCheck("self", () => HealthCheckResult.Healthy(), [LiveTag])
            .AddCheck<LoopGuards>("loops");
    }

    /// <summary>Mapped in every environment: an orchestrator in production needs them most. The bodies say one word and no internals.</summary>
    public static void MapHealthEndpoints(this WebApplication app)
    {
        app.MapHealthChecks(Ready).AllowAnonymous();
        app.MapHealthChecks(Live, new HealthCheckOptions { Predicate = check => check.Tags.Contains(LiveTag) }).AllowAnonymous();
    }
}
