using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Nova.ServiceDefaults.Postgres;

/// <summary>
/// Says at start where the pool may take more than half of the sessions that the server allows: a second replica, or the next version during a
/// roll-out, would then be refused under load. The smallest managed servers allow 35 in all.
/// </summary>
internal sealed partial class SessionLimit(NpgsqlDataSource dataSource, SchemaMigration migration, ILogger<SessionLimit> logger) : BackgroundService
{
    private const string Allowed =
        "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await migration.Applied.WaitAsync(stoppingToken); // Before that, the database may not be there.
            await using var command = dataSource.CreateCommand(Allowed);
            var allowed = (int)(await command.ExecuteScalarAsync(stoppingToken))!;
            var pool = new NpgsqlConnectionStringBuilder(dataSource.ConnectionString).MaxPoolSize;
            if (pool * 2 > allowed)
            {
                LogShort(logger, pool, allowed);
            }
        }
        catch (NpgsqlException)
        {
            // A word of advice is not worth another try; the probe reports a database that does not answer.
        }
        catch (OperationCanceledException)
        {
            // The service stops.
        }
    }

    [LoggerMessage(33, LogLevel.Warning, "SessionsShort: this replica may open {Pool} sessions of the {Allowed} that PostgreSQL allows in all, so that a second replica may be refused; lower Postgres:MaxPoolSize or raise max_connections")]
    private static partial void LogShort(ILogger logger, int pool, int allowed);
}
