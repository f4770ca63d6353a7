using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
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
        builder.Services.AddValidatedOptions<PostgresOptions, ValidatePostgresOptions>(PostgresOptions.Section);
        builder.Services.AddHostedService<SessionLimit>();
        var poolSize = builder.Configuration.PoolSize();
        builder.AddNpgsqlDataSource(
            connectionName,
            settings =>
            {
                settings.ConnectionString = PostgresSettings.WithDefaults(settings.ConnectionString ?? "", poolSize);
                settings.DisableHealthChecks = true; // Aspire's check waits for a database that hangs; the probe below has asked already.
            },
            dataSource => dataSource.ConfigureSessions());
        builder.Services.AddDependencyProbe<PostgresProbe>("PostgreSql", HealthStatus.Unhealthy);
    }

    /// <summary>The client is registered before options exist. A value that cannot be used is reported at start, with every other.</summary>
    private static int PoolSize(this IConfiguration configuration) =>
        int.TryParse(configuration[$"{PostgresOptions.Section}:{nameof(PostgresOptions.MaxPoolSize)}"], CultureInfo.InvariantCulture, out var size)
            && size is >= ValidatePostgresOptions.Smallest and <= ValidatePostgresOptions.Largest
            ? size
            : new PostgresOptions().MaxPoolSize;
}
