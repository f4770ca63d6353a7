using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Nova.ServiceDefaults.Configuration;
using Nova.ServiceDefaults.Health;

namespace Nova.ServiceDefaults.Postgres;

public static class PostgresClient
{
    /// <summary>Registers Aspire's <see cref="Npgsql.NpgsqlDataSource"/> for <c>ConnectionStrings:{connectionName}</c>, with Nova's time-outs and probe.</summary>
    public static void AddPostgres(this IHostApplicationBuilder builder, string connectionName)
    {
        builder.ReadPostgresConnection(connectionName);
        builder.AddNpgsqlDataSource(
            connectionName,
            settings =>
            {
                settings.ConnectionString = PostgresSettings.WithDefaults(settings.ConnectionString ?? "");
                settings.DisableHealthChecks = true; // Aspire's check waits for a database that hangs; the probe below has asked already.
            },
            dataSource => dataSource.ConfigureSessions());
        builder.Services.AddDependencyProbe<PostgresProbe>("PostgreSql", HealthStatus.Unhealthy);
    }
}
