using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Postgres;
using Npgsql;

namespace Nova.StreamState.Outbox;

/// <summary>
/// Hears of events that another replica committed, on a connection of its own. Behind a transaction pooler nothing is heard, and the relay's polling
/// does it alone.
/// </summary>
internal sealed class OutboxListener(NpgsqlDataSource dataSource, SchemaMigration schema, OutboxSignals signals, LoopGuards guards) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await schema.Applied.WaitAsync(stoppingToken);
        await guards["outbox listener"].RunAsync(ListenAsync, stoppingToken);
    }

    private async Task ListenAsync(CancellationToken stoppingToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(stoppingToken);
        connection.Notification += (_, notification) => signals.Wake(int.Parse(notification.Payload, System.Globalization.CultureInfo.InvariantCulture));
        await using (var listen = new NpgsqlCommand($"LISTEN {OutboxTable.Channel}", connection))
        {
            await listen.ExecuteNonQueryAsync(stoppingToken);
        }

        while (true)
        {
            await connection.WaitAsync(stoppingToken);
        }
    }
}
