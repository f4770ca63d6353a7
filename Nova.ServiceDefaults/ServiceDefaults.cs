using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Nova.ServiceDefaults.Configuration;
using Nova.ServiceDefaults.Health;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Security;

namespace Nova.ServiceDefaults;

/// <summary>What every Nova service has, whatever it does: telemetry, health, service discovery, resilient HTTP, tokens, problem bodies.</summary>
public static class ServiceDefaultsExtensions
{
    public static TBuilder AddServiceDefaults<TBuilder>(this TBuilder builder)
        where TBuilder : IHostApplicationBuilder
    {
        builder.AddProgramDefaults();
        builder.AddJwtAuthentication();
        builder.Services.AddValidatedOptions<InternalOptions, ValidateInternalOptions>(InternalOptions.Section)
            .PostConfigure(options => options.ApiKey = options.ApiKey?.Trim());

        builder.Services.AddServiceDiscovery();

        builder.Services.AddProblemDetails();
        builder.Services.AddExceptionHandler<ProblemExceptionHandler>();
        builder.Services.Configure<Microsoft.AspNetCore.Routing.RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);

        builder.Services.Configure<KestrelServerOptions>(kestrel => kestrel.AddServerHeader = false);

        return builder;
    }

    /// <summary>What every Nova program has, also one that is only a client: logs, telemetry and health, which <see cref="MapHealth"/> serves.</summary>
    public static TBuilder AddProgramDefaults<TBuilder>(this TBuilder builder)
        where TBuilder : IHostApplicationBuilder
    {
        builder.AddLoggingDefaults();
        builder.AddObservability();
        builder.AddDefaultHealthChecks();
        builder.Services.AddSingleton(TimeProvider.System);
        return builder;
    }

    public static void MapHealth(this WebApplication app) => app.MapHealthEndpoints();

    /// <summary>The middleware and endpoints that go with <see cref="AddServiceDefaults{TBuilder}"/>; call it before mapping anything else.</summary>
    public static WebApplication UseServiceDefaults(this WebApplication app)
    {
        app.UseExceptionHandler();
        app.UseStatusCodePages(Problems.WriteForBareStatusAsync);
        app.UseRouting(); // Here and not before everything, where it would be added: endpoints that answer from within it throw, too.
        app.UseAuthentication();
        app.UseAuthorization();
        app.MapHealthEndpoints();
        return app;
    }
}
