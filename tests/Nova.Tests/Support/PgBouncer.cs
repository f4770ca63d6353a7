using System.Diagnostics;
using Nova.Tests.Support.Faults;
using Npgsql;

namespace Nova.Tests.Support;

/// <summary>A real PgBouncer in transaction mode: a session of a client has another session of the server in each transaction.</summary>
public sealed class PgBouncer : IAsyncDisposable
{
    /// <summary>Debian's place for it, which is not in everybody's path.</summary>
    private const string Program = "/usr/sbin/pgbouncer";

    private readonly DirectoryInfo _folder = Tools.TemporaryFolder("nova-pgbouncer-");
    private readonly Process _process;

    private PgBouncer(NpgsqlConnectionStringBuilder server, int sessions)
    {
        var users = Path.Combine(_folder.FullName, "users.txt");
        File.WriteAllText(users, $"\"{server.Username}\" \"{server.Password}\"\n");
        var settings = Path.Combine(_folder.FullName, "pgbouncer.ini");
        File.WriteAllText(
            settings,
            $"""
            [databases]
            * = host=127.0.0.1 port={server.Port}
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {Port}
            unix_socket_dir =
            auth_type = scram-sha-256
            auth_file = {users}
            pool_mode = transaction
            default_pool_size = {sessions}
            """);
        string[] account = Environment.IsPrivilegedProcess ? ["-u", "nobody"] : []; // It refuses to run as root.
        _process = ProcessGuard.Start(new ProcessStartInfo(Program, ["-q", .. account, settings]) { RedirectStandardError = true, RedirectStandardOutput = true });
        _process.ErrorDataReceived += (_, _) => { };
        _process.OutputDataReceived += (_, _) => { };
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }

    public int Port { get; } = FreePort.Find();

    public static bool IsInstalled => File.Exists(Program);

    /// <param name="sessions">Of the server, for each database.</param>
    public static async Task<PgBouncer> StartAsync(NpgsqlConnectionStringBuilder server, int sessions = 10)
    {
        var pooler = new PgBouncer(server, sessions);
        var through = new NpgsqlConnectionStringBuilder(server.ConnectionString) { Port = pooler.Port, Pooling = false };
        await Eventually.TrueAsync(
            async () =>
            {
                try
                {
                    await using var connection = new NpgsqlConnection(through.ConnectionString);
                    await connection.OpenAsync();
                    return true;
                }
                catch (NpgsqlException) when (!pooler._process.HasExited)
                {
                    return false;
                }
            },
            "PgBouncer answers");
        return pooler;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _folder.Delete(recursive: true);
    }
}
