using System.Globalization;
using System.Security.Cryptography;
using Nova.LocalInfra;
using Npgsql;

namespace Nova.Tests.Support.Faults;

/// <summary>A real PostgreSQL with a data folder and a port of its own, which both survive when the server is killed.</summary>
/// <param name="password">A standby has its primary's; null makes a new one.</param>
public sealed class PostgresServer(string? password = null) : IAsyncDisposable
{
    private static readonly string[] Databases = ["streams", "telemetry"];

    private readonly DirectoryInfo _folder = Tools.TemporaryFolder("nova-faults-");
    private readonly string _password = password ?? RandomNumberGenerator.GetHexString(32);
    private LocalPostgres? _server;

    public int Port { get; } = FreePort.Find();

    public bool IsRunning { get; private set; }

    private string Data => Path.Combine(_folder.FullName, "data");

    /// <summary>The server's own address, around every link.</summary>
    public NpgsqlConnectionStringBuilder Connection(string database) => new()
    {
        Host = "127.0.0.1",
        Port = Port,
        Username = "nova",
        Password = _password,
        Database = database,
    };

    /// <summary>Starts the server, for the first time or after it was killed.</summary>
    public async Task StartAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        _server = await LocalPostgres.StartAsync(Data, Databases, Port, _password);
        IsRunning = true;
    }

    /// <summary>Becomes a standby: a copy of <paramref name="primary"/> that follows it once it is started.</summary>
    /// <param name="baseBackup">The path of <c>pg_basebackup</c>.</param>
    public async Task CopyAsync(string baseBackup, PostgresServer primary)
    {
        var account = await ServerAccount.ChooseAsync(Data, CancellationToken.None);
        var source = primary.Connection("postgres");
        var (exitCode, output) = await account.RunAsync(
            baseBackup,
            [
                "--pgdata", Path.Combine(Data, "postgres"), "--write-recovery-conf", "--checkpoint", "fast", "--no-sync",
                "--dbname", $"host={source.Host} port={source.Port} user={source.Username} password={source.Password}",
            ],
            CancellationToken.None);
        Assert.True(exitCode == 0, $"The base backup failed: {output}");
    }

    /// <summary>The server and its sessions keep their connections and answer nothing.</summary>
    public void Freeze() => Signal(Signals.Stop);

    public void Thaw() => Signal(Signals.Continue);

    /// <summary>As by a power failure: no session ends in an orderly way, and the log has to be replayed at the next start.</summary>
    public void Kill()
    {
        Signal(Signals.Kill);
        IsRunning = false;
    }

    /// <summary>The first column of each row.</summary>
    public async Task<IReadOnlyList<T>> QueryAsync<T>(string sql, string database = "streams")
    {
        await using var connection = new NpgsqlConnection(Connection(database).ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync();
        List<T> values = [];
        while (await reader.ReadAsync())
        {
            values.Add(reader.GetFieldValue<T>(0));
        }

        return values;
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(Connection("postgres").ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            Thaw(); // A frozen server cannot stop.
            await _server.DisposeAsync();
        }

        _folder.Delete(recursive: true);
    }

    private void Signal(int signal)
    {
        var file = Path.Combine(Data, "postgres", "postmaster.pid");
        if (!IsRunning || !File.Exists(file))
        {
            return;
        }

        // The main process first, so that it starts no session that would be missed.
        var postmaster = int.Parse(File.ReadLines(file).First(), CultureInfo.InvariantCulture);
        Signals.Send(postmaster, signal);
        foreach (var session in Signals.Children(postmaster))
        {
            Signals.Send(session, signal);
        }
    }
}
