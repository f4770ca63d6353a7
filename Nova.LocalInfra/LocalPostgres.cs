using System.Diagnostics;
using System.Security.Cryptography;
using Npgsql;

namespace Nova.LocalInfra;

/// <summary>
/// A private PostgreSQL cluster in a folder, on a free loopback port, with a password of its own. Its data survives restarts; the server
/// does not survive this process, however it ends.
/// </summary>
public sealed class LocalPostgres : IAsyncDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(10);

    private readonly Process _server;
    private readonly ServerAccount _account;
    private readonly NpgsqlConnectionStringBuilder _connection;

    private LocalPostgres(Process server, ServerAccount account, NpgsqlConnectionStringBuilder connection)
    {
        _server = server;
        _account = account;
        _connection = connection;
    }

    public int ProcessId => _server.Id;

    /// <summary>Holds the cluster: the folder asked for, or where root's PostgreSQL can reach it.</summary>
    public string Folder => _account.Folder;

    public string ConnectionString(string database) => new NpgsqlConnectionStringBuilder(_connection.ConnectionString) { Database = database }.ConnectionString;

    /// <param name="folder">Holds the cluster; made if it is not there. The caller sees to it that no other process uses it.</param>
    /// <param name="databases">Made if they are not there.</param>
    /// <param name="port">A port of the caller's; default: a free one.</param>
    /// <param name="password">Of the user <c>nova</c>; default: one made with the cluster and kept beside it.</param>
    /// <exception cref="LocalInfraException">PostgreSQL is missing or does not start; the message says what to do.</exception>
    public static async Task<LocalPostgres> StartAsync(
        string folder, IEnumerable<string> databases, int? port = null, string? password = null, CancellationToken cancellationToken = default)
    {
        var account = await ServerAccount.ChooseAsync(folder, cancellationToken);
        var cluster = Path.Combine(account.Folder, "postgres");
        int? version = File.Exists(Path.Combine(cluster, "PG_VERSION"))
            ? int.Parse(await File.ReadAllTextAsync(Path.Combine(cluster, "PG_VERSION"), cancellationToken), System.Globalization.CultureInfo.InvariantCulture)
            : null;
        var binaries = await PostgresBinaries.FindAsync(version, Path.Combine(account.Folder, "npm"), cancellationToken);
        password = await KeepPasswordAsync(account, password, cancellationToken);
        if (version is null)
        {
            await CreateClusterAsync(binaries, cluster, account, cancellationToken);
        }

        await PostmasterFile.CheckAsync(cluster, account, cancellationToken);
        port ??= FreePort.Find();
        var server = Launch(binaries, cluster, port.Value, account);
        var postgres = new LocalPostgres(server, account, new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1",
            Port = port.Value,
            Username = "nova",
            Password = password,
            Database = "postgres",
        });
        try
        {
            await postgres.CreateDatabasesAsync(databases, cancellationToken);
            return postgres;
        }
        catch
        {
            await postgres.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        try
        {
            _server.StandardInput.Close(); // What the guard waits for.
            using var timeout = new CancellationTokenSource(StopTimeout);
            await _server.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            _server.Kill(entireProcessTree: true);
        }

        _server.Dispose();
    }

    private static async Task<string> KeepPasswordAsync(ServerAccount account, string? given, CancellationToken cancellationToken)
    {
        var file = Path.Combine(account.Folder, "postgres.password");
        if (new FileInfo(file).LinkTarget is not null)
        {
            throw new LocalInfraException($"{file} is a link; the password of the database is kept in a file of its own. Delete the link.");
        }

        if (!File.Exists(file))
        {
            account.WriteSecret(file, given ?? RandomNumberGenerator.GetHexString(32));
        }

        var kept = await File.ReadAllTextAsync(file, cancellationToken);
        return given is null || given == kept
            ? kept
            : throw new LocalInfraException($"The database in {account.Folder} was made with another password; use that one, or delete the folder to begin anew.");
    }

    private static async Task CreateClusterAsync(string binaries, string cluster, ServerAccount account, CancellationToken cancellationToken)
    {
        // Into a folder of its own first: a run that is killed here leaves no half cluster behind.
        var unfinished = cluster + ".new";
        if (Directory.Exists(unfinished))
        {
            Directory.Delete(unfinished, recursive: true);
        }

        var (exitCode, output) = await account.RunAsync(
            Path.Combine(binaries, "initdb"),
            [
                "--pgdata", unfinished, "--username", "nova", "--auth", "scram-sha-256", "--pwfile", Path.Combine(account.Folder, "postgres.password"),
                "--encoding", "UTF8", "--no-locale", "--no-sync", "--no-instructions",
            ],
            cancellationToken);
        if (exitCode != 0)
        {
            throw new LocalInfraException($"initdb failed: {LastLine(output)}");
        }

        Directory.Move(unfinished, cluster);
    }

    private const string Guard =
        """
        trap '' INT TERM HUP
        exec 3<&0
        "$@" </dev/null 3<&- & server=$!
        { while read -r line; do :; done; kill -INT $server 2>/dev/null; } <&3 & waiting=$!
        wait $server; code=$?
        kill -KILL $waiting 2>/dev/null
        exit $code
        """;

    /// <summary>
    /// The server under a guard: a shell that waits for its standard input to close, which it does when this process ends in whatever way,
    /// kill -9 included, and then stops the server. (A parent-death signal would follow the thread that started it, and threads come and go.)
    /// It ends when the server ends, so that a server that cannot start is noticed at once.
    /// </summary>
    private static Process Launch(string binaries, string cluster, int port, ServerAccount account)
    {
        string[] server =
        [
            Path.Combine(binaries, "postgres"), "-D", cluster, "-p", $"{port}", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
            "-c", "max_connections=200", "-c", "logging_collector=off", "-c", "log_min_messages=fatal", "-c", "log_min_error_statement=panic",
        ];
        var start = OperatingSystem.IsWindows()
            ? new ProcessStartInfo(server[0], server[1..])
            : account.Command("/bin/sh", ["-c", Guard, "guard", .. server]);
        start.RedirectStandardInput = true;
        start.RedirectStandardError = true;
        start.RedirectStandardOutput = true;
        start.WorkingDirectory = account.Folder;
        var process = Process.Start(start)!;
        process.OutputDataReceived += static (_, _) => { };
        process.BeginOutputReadLine();
        return process;
    }

    private async Task CreateDatabasesAsync(IEnumerable<string> databases, CancellationToken cancellationToken)
    {
        var errors = new List<string>();
        _server.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is { Length: > 0 } text)
            {
                lock (errors)
                {
                    errors.Add(text);
                }
            }
        };
        _server.BeginErrorReadLine();

        await using var connection = await ConnectAsync(errors, cancellationToken);
        foreach (var database in databases)
        {
            await using var find = new NpgsqlCommand("SELECT 1 FROM pg_database WHERE datname = $1", connection) { Parameters = { new() { Value = database } } };
            if (await find.ExecuteScalarAsync(cancellationToken) is null)
            {
                await using var create = new NpgsqlCommand($"CREATE DATABASE \"{database}\"", connection);
                await create.ExecuteNonQueryAsync(cancellationToken);
            }
        }
    }

    private async Task<NpgsqlConnection> ConnectAsync(List<string> errors, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(_connection.ConnectionString) { Pooling = false, Timeout = 5 }.ConnectionString);
            try
            {
                await connection.OpenAsync(cancellationToken);
                return connection;
            }
            catch (NpgsqlException exception)
            {
                await connection.DisposeAsync();
                if (_server.HasExited || Stopwatch.GetElapsedTime(started) > StartTimeout)
                {
                    throw new LocalInfraException($"PostgreSQL in {_account.Folder} does not start: {await ReasonAsync(errors) ?? exception.Message}", exception);
                }
            }

            await Task.Delay(50, cancellationToken);
        }
    }

    /// <summary>What the server said last before it ended: hints may follow the line that matters.</summary>
    private async Task<string?> ReasonAsync(List<string> errors)
    {
        if (_server.HasExited)
        {
            using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(1));
            await _server.WaitForExitAsync(timeout.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // Its last lines, too.
        }

        lock (errors)
        {
            return errors.FindLast(line => line.Contains("FATAL:")) ?? errors.LastOrDefault();
        }
    }

    private static string LastLine(string output) => output.Trim().Split('\n').Last();
}
