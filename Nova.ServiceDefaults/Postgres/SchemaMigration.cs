using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Nova.ServiceDefaults.Background;
using Npgsql;

namespace Nova.ServiceDefaults.Postgres;

/// <summary>
/// Applies a service's embedded <c>Database/NNNN_*.sql</c> at start, once however many instances start together, and makes the database
/// where there is none. Until it has, the service is not ready; it keeps trying, so that Postgres may come later than the service (F29).
/// </summary>
public sealed partial class SchemaMigration(
    IConfiguration configuration, string connectionName, Assembly scripts, TimeProvider time, ILogger<SchemaMigration> logger)
    : BackgroundService, IHealthCheck
{
    /// <summary>Any constant will do; advisory locks are per database, and each service has its own database.</summary>
    private const long Lock = 0x4E6F7661;

    private readonly TaskCompletionSource _applied = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the schema is the one this build expects.</summary>
    public Task Applied => _applied.Task;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(Applied.IsCompletedSuccessfully ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("The schema is not applied yet."));

    /// <summary>Tries until it has been done: what stands in the way may be mended without a restart, and the log names it.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        for (var attempt = 0; !stoppingToken.IsCancellationRequested; attempt++)
        {
            try
            {
                await ApplyOrCreateAsync(stoppingToken);
                _applied.TrySetResult();
                return;
            }
            catch (Exception exception)
            {
                if (stoppingToken.IsCancellationRequested)
                {
                    return; // Whether it was cancelled or failed in the same moment: to the host the latter is an unhandled exception.
                }

                LogRetrying(logger, exception.InnerException is { } inner ? $"{exception.Message} {inner.Message}" : exception.Message);
            }

            await Task.Delay(Backoff.Next(attempt), time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ApplyOrCreateAsync(CancellationToken stoppingToken)
    {
        try
        {
            await ApplyAsync(stoppingToken);
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.InvalidCatalogName)
        {
            await CreateDatabaseAsync(stoppingToken);
            await ApplyAsync(stoppingToken);
        }
    }

    /// <summary>Nobody else makes it: Docker Compose, for one, starts an empty server.</summary>
    private async Task CreateDatabaseAsync(CancellationToken stoppingToken)
    {
        var builder = new NpgsqlConnectionStringBuilder(configuration.GetConnectionString(connectionName));
        var name = builder.Database!;
        builder.Database = "postgres";
        await using var server = new NpgsqlConnection(builder.ConnectionString);
        await server.OpenAsync(stoppingToken);
        await using var create = new NpgsqlCommand($"CREATE DATABASE \"{name.Replace("\"", "\"\"")}\"", server);
        try
        {
            await create.ExecuteNonQueryAsync(stoppingToken);
            LogCreated(logger, name);
        }
        catch (PostgresException exception) when (exception.SqlState is PostgresErrorCodes.DuplicateDatabase or PostgresErrorCodes.UniqueViolation)
        {
            // Another instance was faster.
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new InvalidOperationException(
                $"Database {name} of ConnectionStrings:{connectionName} does not exist, and its user may not create it: CREATE DATABASE {name} OWNER {builder.Username}.");
        }
    }

    /// <summary>
    /// All on one connection: with a second one, as many replicas as a pooler has sessions wait with theirs for the lock, and the one that has the
    /// lock waits for a session.
    /// </summary>
    private async Task ApplyAsync(CancellationToken stoppingToken)
    {
        // A session of its own, without the services' limits: an index on a large table takes longer than any request may.
        var own = new NpgsqlConnectionStringBuilder(configuration.GetConnectionString(connectionName)) { Pooling = false, CommandTimeout = 0 };
        await using var dataSource = NpgsqlDataSource.Create(own);
        await using var connection = await dataSource.OpenConnectionAsync(stoppingToken);

        // A lock of the transaction, not of the session: it holds behind a transaction pooler too.
        await using var transaction = await connection.BeginTransactionAsync(stoppingToken);
        await using var locking = new NpgsqlCommand("SELECT pg_advisory_xact_lock($1)", connection) { Parameters = { new() { Value = Lock } } };
        await locking.ExecuteNonQueryAsync(stoppingToken);

        var before = await ReadAppliedAsync(connection, stoppingToken);
        var missing = scripts.GetManifestResourceNames().Where(IsScript).Except(before).Order(StringComparer.Ordinal).ToList();
        foreach (var script in missing)
        {
            await ApplyAsync(connection, script, stoppingToken);
        }

        await transaction.CommitAsync(stoppingToken);
        foreach (var script in missing)
        {
            LogApplied(logger, script);
        }
    }

    private static bool IsScript(string resource) => resource.EndsWith(".sql", StringComparison.Ordinal) && resource.Contains(".Database.");

    /// <summary>The table is DbUp's, which did this work before: databases keep what it wrote.</summary>
    private static async Task<List<string>> ReadAppliedAsync(NpgsqlConnection connection, CancellationToken stoppingToken)
    {
        const string Table = "CREATE TABLE IF NOT EXISTS schemaversions (schemaversionsid serial PRIMARY KEY, scriptname varchar(255) NOT NULL, applied timestamp NOT NULL)";
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { new(Table), new("SELECT scriptname FROM schemaversions") } };
        await using var reader = await batch.ExecuteReaderAsync(stoppingToken);
        List<string> applied = [];
        while (await reader.ReadAsync(stoppingToken))
        {
            applied.Add(reader.GetString(0));
        }

        return applied;
    }

    private async Task ApplyAsync(NpgsqlConnection connection, string script, CancellationToken stoppingToken)
    {
        using var text = new StreamReader(scripts.GetManifestResourceStream(script)!);
        await using var apply = new NpgsqlCommand(text.ReadToEnd(), connection);
        await using var record = new NpgsqlCommand("INSERT INTO schemaversions (scriptname, applied) VALUES ($1, now())", connection) { Parameters = { new() { Value = script } } };
        try
        {
            await apply.ExecuteNonQueryAsync(stoppingToken);
            await record.ExecuteNonQueryAsync(stoppingToken);
        }
        catch (PostgresException exception)
        {
            throw new InvalidOperationException($"Migration {script} failed.", exception);
        }
    }

    [LoggerMessage(30, LogLevel.Information, "MigrationApplied: {Script}")]
    private static partial void LogApplied(ILogger logger, string script);

    [LoggerMessage(32, LogLevel.Information, "DatabaseCreated: {Database}")]
    private static partial void LogCreated(ILogger logger, string database);

    [LoggerMessage(31, LogLevel.Warning, "MigrationRetrying: {Reason}")]
    private static partial void LogRetrying(ILogger logger, string reason);
}

public static class SchemaMigrationExtensions
{
    /// <summary>Migrates the database of <c>ConnectionStrings:{connectionName}</c> with the scripts embedded in <paramref name="scripts"/>.</summary>
    public static void AddSchemaMigration(this IHostApplicationBuilder builder, string connectionName, Assembly scripts)
    {
        builder.Services.AddSingleton(services => ActivatorUtilities.CreateInstance<SchemaMigration>(services, connectionName, scripts));
        builder.Services.AddHostedService(services => services.GetRequiredService<SchemaMigration>());
        builder.Services.AddSingleton<Leases>();
        builder.Services.AddHealthChecks().AddCheck<SchemaMigration>("schema");
    }
}
