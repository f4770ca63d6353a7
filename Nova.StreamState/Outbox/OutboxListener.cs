using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Postgres;
using Npgsql;

namespace Nova.StreamState.Outbox;

/// <summary>
/// Hears of events that another replica committed, on a connection of its own. Notifications do not pass a transaction pooler: there, a direct way
/// to the database may be given as <c>ConnectionStrings:streams-listen</c>, or the relay's polling does it alone.
/// </summary>
internal sealed class OutboxListener(
    NpgsqlDataSource dataSource, IConfiguration configuration, SchemaMigration schema, OutboxSignals signals, LoopGuards guards) : BackgroundService
{
    public const string Direct = "streams-listen";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await schema.Applied.WaitAsync(stoppingToken);
        await guards["outbox listener"].RunAsync(ListenAsync, stoppingToken);
    }

    private async Task ListenAsync(CancellationToken stoppingToken)
    {
        await using var direct = DirectSource();
        await using var connection = await (direct ?? dataSource).OpenConnectionAsync(stoppingToken);
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

    private NpgsqlDataSource? DirectSource()
    {
        if (configuration.GetConnectionString(Direct) is not { Length: > 0 } connectionString)
        {
            return null;
        }

        var builder = new NpgsqlDataSourceBuilder(PostgresSettings.WithDefaults(connectionString, poolSize: 1));
        builder.ConfigureSessions();
        return builder.Build();
    }
}
