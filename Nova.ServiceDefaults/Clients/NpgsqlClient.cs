using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Nova.ServiceDefaults.Health;
using Nova.ServiceDefaults.Postgres;
using Npgsql;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

// Aspire's client integrations live here and have these names, so that one can take the other's place.
namespace Microsoft.Extensions.Hosting;

public static class NpgsqlClientExtensions
{
    /// <summary>
    /// Registers an <see cref="NpgsqlDataSource"/> for <c>ConnectionStrings:{connectionName}</c>, with health check, traces and metrics.
    /// </summary>
    public static void AddNpgsqlDataSource(this IHostApplicationBuilder builder, string connectionName)
    {
        var connectionString = builder.Configuration.GetConnectionString(connectionName) ?? "";
        builder.Services.AddNpgsqlDataSource(PostgresSettings.WithDefaults(connectionString), dataSource => dataSource.ConfigureSessions());
        builder.Services.AddDependencyProbe<PostgresProbe>("PostgreSql", HealthStatus.Unhealthy);
        builder.Services.AddOpenTelemetry()
            .WithTracing(tracing => tracing.AddNpgsql())
            .WithMetrics(metrics => metrics.AddMeter("Npgsql"));
    }
}
