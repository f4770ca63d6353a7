using System.Diagnostics;
using System.Security.Cryptography;
using Npgsql;

namespace Nova.LocalInfra;

/// <summary>
/// A private PostgreSQL cluster in a folder, on a free loopback port, with its own password. The data survives restarts. The server stops with
/// this process, even if the process is killed.
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

    /// <summary>The cluster's parent folder: the requested one, or one that PostgreSQL's account can reach if this process runs as root.</summary>
    public string Folder => _account.Folder;

    public string ConnectionString(string database) => new NpgsqlConnectionStringBuilder(_connection.ConnectionString) { Database = database }.ConnectionString;

    /// <param name="folder">The cluster's parent folder; created if missing. The caller ensures that no other process uses it.</param>
    /// <param name="databases">Databases to create if missing.</param>
    /// <param name="port">The port; null takes a free one.</param>
    /// <param name="password">Password of the user <c>nova</c>; null generates one with the cluster and stores it beside the cluster.</param>
    /// <param name="sharedBuffers">PostgreSQL's own cache, such as <c>1GB</c>; null leaves its default, 128 MB.</param>
    /// <exception cref="LocalInfraException">PostgreSQL is missing or does not start; the message says what to do.</exception>
    public static async Task<LocalPostgres> StartAsync(
        string folder, IEnumerable<string> databases, int? port = null, string? password = null, string? sharedBuffers = null, CancellationToken cancellationToken = default)
    {
        var account = await ServerAccount.ChooseAsync(folder, cancellationToken);
        var cluster = Path.Combine(account.Folder, "postgres");
        int? version = File.Exists(Path.Combine(cluster, "PG_VERSION"))
            ? int.Parse(await File.ReadAllTextAsync(Path.Combine(cluster, "PG_VERSION"), cancellationToken), System.Globalization.CultureInfo.InvariantCulture)
            : null;
        var binaries = await PostgresBinaries.FindAsync(version, Path.Combine(account.Folder, "npm"), cancellationToken);
        password = await GetOrCreatePasswordAsync(account, password, cancellationToken);
        if (version is null)
        {
            await CreateClusterAsync(binaries, cluster, account, cancellationToken);
        }

        await PostmasterFile.CheckAsync(cluster, account, cancellationToken);
        port ??= FreePort.Find();
        var server = Launch(binaries, cluster, port.Value, sharedBuffers, account);
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
            _server.StandardInput.Close(); // The guard waits for this.
            using var timeout = new CancellationTokenSource(StopTimeout);
            await _server.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            _server.Kill(entireProcessTree: true);
        }

        _server.Dispose();
    }

    private static async Task<string> GetOrCreatePasswordAsync(ServerAccount account, string? given, CancellationToken cancellationToken)
    {
        var file = Path.Combine(account.Folder, "postgres.password");
        if (new FileInfo(file).LinkTarget is not null)
        {
            throw new LocalInfraException($"{file} is a link; the database password must be stored in a regular file. Delete the link.");
        }

        if (!File.Exists(file))
        {
            account.WriteSecret(file, given ?? RandomNumberGenerator.GetHexString(32));
        }

        var stored = await File.ReadAllTextAsync(file, cancellationToken);
        return given is null || given == stored
            ? stored
            : throw new LocalInfraException($"The database in {account.Folder} was created with another password. Use that password, or delete the folder to start with an empty database.");
    }

    private static async Task CreateClusterAsync(string binaries, string cluster, ServerAccount account, CancellationToken cancellationToken)
    {
        // initdb writes to a temporary folder first, so that a killed run leaves no incomplete cluster.
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
    /// Starts the server under a guard, a shell that stops the server when the guard's standard input closes. The kernel closes it when this
    /// process ends, even by kill -9. (A parent-death signal would be sent when the starting thread ends, and pool threads end at any time.)
    /// The guard ends with the server, so that this process notices at once if the server cannot start.
    /// </summary>
    private static Process Launch(string binaries, string cluster, int port, string? sharedBuffers, ServerAccount account)
    {
        string[] server =
        [
            Path.Combine(binaries, "postgres"), "-D", cluster, "-p", $"{port}", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
            "-c", "max_connections=200", "-c", "logging_collector=off", "-c", "log_min_messages=fatal", "-c", "log_min_error_statement=panic",
            .. sharedBuffers is null ? Array.Empty<string>() : ["-c", $"shared_buffers={sharedBuffers}"],
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
                    throw new LocalInfraException($"PostgreSQL in {_account.Folder} does not start: {await FindErrorAsync(errors) ?? exception.Message}", exception);
                }
            }

            await Task.Delay(50, cancellationToken);
        }
    }

    /// <summary>Finds the server's last FATAL line, or its last line; hints may follow the FATAL line.</summary>
    private async Task<string?> FindErrorAsync(List<string> errors)
    {
        if (_server.HasExited)
        {
            using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(1));
            await _server.WaitForExitAsync(timeout.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // Waits for its last lines.
        }

        lock (errors)
        {
            return errors.FindLast(line => line.Contains("FATAL:")) ?? errors.LastOrDefault();
        }
    }

    private static string LastLine(string output) => output.Trim().Split('\n').Last();
}
