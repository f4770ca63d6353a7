using System.Diagnostics;
using Nova.LoadTest.Measuring;
using Nova.LoadTest.Systems.Peers;

namespace Nova.LoadTest.Systems.Nova;

/// <summary>
/// Nova as in production: a process per service, PostgreSQL and a Redis-protocol server, configured by environment variables. Gateways run on
/// the measured core, everything else runs on the generator's core.
/// </summary>
internal sealed class NovaServices(Placement placement, string folder, NovaTokens tokens) : IAsyncDisposable
{
    private const string PostgresPassword = "loadtest";

    private static Task? s_build;

    private readonly Stack<ServerProcess> _backends = [];
    private readonly List<(ServerProcess Process, int Port)> _gateways = [];
    private readonly int _postgresPort = Ports.Find();
    private readonly int _streamStatePort = Ports.Find();
    private readonly int _telemetryPort = Ports.Find();
    private ServerProcess? _redis;

    public int RedisPort { get; } = Ports.Find();

    public IReadOnlyList<int> GatewayPorts => [.. _gateways.Select(static gateway => gateway.Port)];

    public IReadOnlyList<int> GatewayProcesses => [.. _gateways.Select(static gateway => gateway.Process.Id)];

    public async Task StartAsync(int gateways, CancellationToken cancellationToken)
    {
        await (s_build ??= BuildAsync(cancellationToken));

        // PostgreSQL runs under its own account, which must be able to reach this folder.
        File.SetUnixFileMode(folder, File.GetUnixFileMode(folder) | UnixFileMode.OtherExecute | UnixFileMode.GroupExecute);
        _backends.Push(await StartInfraAsync("infra", Ports.Find(), _postgresPort, cancellationToken));
        await StartRedisAsync(cancellationToken);

        _backends.Push(await StartServiceAsync("Nova.StreamState", _streamStatePort, placement.OtherCores, cancellationToken));
        _backends.Push(await StartServiceAsync("Nova.Telemetry", _telemetryPort, placement.OtherCores, cancellationToken));
        for (var i = 0; i < gateways; i++)
        {
            var port = Ports.Find();
            _gateways.Add((await StartServiceAsync("Nova.Gateway", port, placement.MeasuredCores, cancellationToken), port));
        }
    }

    /// <summary>Kills a gateway and restarts it on the same port.</summary>
    public async Task RestartGatewayAsync(int index, CancellationToken cancellationToken)
    {
        var (process, port) = _gateways[index];
        await process.KillAsync();
        await process.DisposeAsync();
        _gateways[index] = (await StartServiceAsync("Nova.Gateway", port, placement.MeasuredCores, cancellationToken), port);
    }

    public async Task StopRedisAsync()
    {
        await _redis!.DisposeAsync();
        _redis = null;
    }

    /// <summary>Starts Debian's Redis; if that cannot be downloaded, Nova.LocalInfra's Redis-protocol server in its own process.</summary>
    public async Task StartRedisAsync(CancellationToken cancellationToken)
    {
        if (!await PeerCache.TryGetRedisAsync(cancellationToken))
        {
            _redis = await StartInfraAsync("redis", RedisPort, Ports.Find(), cancellationToken);
            return;
        }

        _redis = ServerProcess.Start(
            "redis", placement.OtherCores, [PeerCache.Redis, "--bind", "127.0.0.1", "--port", $"{RedisPort}", "--save", ""],
            new Dictionary<string, string> { ["LD_LIBRARY_PATH"] = PeerCache.Libraries }, folder);
        await _redis.WaitUntilListeningAsync(RedisPort, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (gateway, _) in _gateways)
        {
            await gateway.DisposeAsync();
        }

        while (_backends.TryPop(out var service))
        {
            await service.DisposeAsync();
        }

        if (_redis is not null)
        {
            await _redis.DisposeAsync();
        }
    }

    /// <summary>Builds Nova.Standalone, which references all services. The build may use every core, because nothing is measured yet.</summary>
    private async Task BuildAsync(CancellationToken cancellationToken)
    {
        Console.Error.WriteLine("Building Nova in Release.");
        using var build = Process.Start(new ProcessStartInfo("taskset",
        [
            "-c", $"{placement.MeasuredCores},{placement.OtherCores}", "dotnet", "build", "Nova.Standalone", "-c", "Release", "-v", "quiet", "-nologo",
            "-nodeReuse:false", "-p:UseSharedCompilation=false", // A build server that stays alive would be foreign load.
        ])
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
        })!;
        var output = await build.StandardOutput.ReadToEndAsync(cancellationToken);
        await build.WaitForExitAsync(cancellationToken);
        if (build.ExitCode != 0)
        {
            throw new LoadTestException($"Nova does not build:\n{output}");
        }
    }

    private Task<ServerProcess> StartInfraAsync(string name, int redisPort, int postgresPort, CancellationToken cancellationToken)
    {
        var data = Directory.CreateDirectory(Path.Combine(folder, name)).FullName;
        return StartAsync(name, "Nova.LocalInfra", Ports.Find(), placement.OtherCores, cancellationToken, new()
        {
            ["LocalInfra__DataFolder"] = data,
            ["LocalInfra__RedisPort"] = $"{redisPort}",
            ["LocalInfra__PostgresPort"] = $"{postgresPort}",
            ["LocalInfra__PostgresPassword"] = PostgresPassword,
        });
    }

    private Task<ServerProcess> StartServiceAsync(string project, int port, string cores, CancellationToken cancellationToken) =>
        StartAsync($"{project}-{port}", project, port, cores, cancellationToken, new(tokens.Settings)
        {
            ["ConnectionStrings__redis"] = $"127.0.0.1:{RedisPort}",
            ["ConnectionStrings__streams"] = Database("streams"),
            ["ConnectionStrings__telemetry"] = Database("telemetry"),
            ["services__stream-state__http__0"] = $"http://127.0.0.1:{_streamStatePort}",
            ["services__telemetry__http__0"] = $"http://127.0.0.1:{_telemetryPort}",
            ["StreamState__SessionTimeout"] = "1.00:00:00", // Events bypass StreamState, which would otherwise time the silent broadcaster out.
        });

    private async Task<ServerProcess> StartAsync(
        string name, string project, int port, string cores, CancellationToken cancellationToken, Dictionary<string, string> settings)
    {
        settings["ASPNETCORE_ENVIRONMENT"] = "Production";
        settings["ASPNETCORE_URLS"] = $"http://127.0.0.1:{port}";
        var program = Path.Combine(Repository.Root, project, "bin", "Release", "net10.0", $"{project}.dll");
        var process = ServerProcess.Start(name, cores, ["dotnet", program], settings, folder);
        try
        {
            await process.WaitUntilHealthyAsync(new Uri($"http://127.0.0.1:{port}/health"), cancellationToken);
            return process;
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    private string Database(string name) =>
        $"Host=127.0.0.1;Port={_postgresPort};Username=nova;Password={PostgresPassword};Database={name}";
}
