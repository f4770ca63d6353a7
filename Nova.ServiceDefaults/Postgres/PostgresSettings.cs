using System.Data.Common;
using Npgsql;

namespace Nova.ServiceDefaults.Postgres;

/// <summary>How every Postgres session of Nova behaves where its connection string says nothing else.</summary>
public static class PostgresSettings
{
    /// <summary>
    /// What the client waits for. A publisher's call has five seconds in all: two for a connection, three for a command. By default it is 15 s and
    /// 30 s, and after a pause of 3 s the service was congested for minutes.
    /// </summary>
    private static readonly (string Key, object Value)[] Defaults =
    [
        ("Timeout", 2),
        ("Command Timeout", 3),
        ("Cancellation Timeout", -1), // A command that timed out ends its session. Asking a server that hangs to cancel it blocks a thread for each of them.
        ("Keepalive", 5),
        ("Host Recheck Seconds", 2), // A standby that was promoted is found within this.
        ("No Reset On Close", true), // Sessions keep the settings below, and nothing here leaves others behind.
    ];

    /// <summary>
    /// What the server ends by itself. A client that froze or whose host vanished keeps its session, for as long as TCP believes in it: two hours
    /// by default. In a transaction it keeps its row locks as well; three seconds is far more than ours need between two statements.
    /// </summary>
    private const string SessionSettings =
        """
        SET idle_in_transaction_session_timeout = '3s'; SET lock_timeout = '3s'; SET statement_timeout = '10s';
        SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 2; SET tcp_user_timeout = '10s';
        """;

    public static string WithDefaults(string connectionString, int poolSize)
    {
        var given = new DbConnectionStringBuilder { ConnectionString = connectionString };
        var keys = given.Keys.Cast<string>().Select(Normalize).ToHashSet();
        var builder = new NpgsqlConnectionStringBuilder(connectionString);
        foreach (var (key, value) in Defaults.Append(("Maximum Pool Size", poolSize)).Where(setting => !keys.Contains(Normalize(setting.Key))))
        {
            builder[key] = value;
        }

        return builder.ConnectionString;
    }

    /// <summary>Runs once for each new session. Behind a transaction pooler it reaches some sessions only; <c>SET LOCAL</c> does the rest there.</summary>
    public static void ConfigureSessions(this NpgsqlDataSourceBuilder builder) =>
        builder.UsePhysicalConnectionInitializer(
            connection =>
            {
                using var command = new NpgsqlCommand(SessionSettings, connection);
                command.ExecuteNonQuery();
            },
            async connection =>
            {
                await using var command = new NpgsqlCommand(SessionSettings, connection);
                await command.ExecuteNonQueryAsync();
            });

    private static string Normalize(string key) => key.Replace(" ", "", StringComparison.Ordinal).ToUpperInvariant();
}
