using Microsoft.Extensions.Logging;
using Nova.ServiceDefaults.Background;
using Npgsql;

namespace Nova.ServiceDefaults.Health;

/// <summary>
/// Whether Postgres answers and can be written to. A server that was demoted keeps its sessions and refuses every change: the pool is thrown
/// away, so that new sessions find the new primary (C5).
/// </summary>
public sealed class PostgresProbe(NpgsqlDataSource dataSource, LoopGuards guards, TimeProvider time, ILogger<PostgresProbe> logger)
    : DependencyProbe("Postgres", guards, time, logger)
{
    private const int TimeoutSeconds = 1;

    protected override async Task AskAsync(CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean");
        command.CommandTimeout = TimeoutSeconds;
        if (await command.ExecuteScalarAsync(cancellationToken) is true)
        {
            dataSource.Clear();
            throw new InvalidOperationException("the server is read-only; its sessions are thrown away");
        }
    }
}
