using System.Diagnostics;
using Nova.LoadTest.Measuring;

namespace Nova.LoadTest.Systems.Nova;

/// <summary>
/// Nova as in production: a process per service, PostgreSQL and a Redis-protocol server, configured by environment variables. Gateways run on
/// the measured core, everything else runs on the generator's core.
/// </summary>
internal sealed class NovaServices : IAsyncDisposable
{
    private const string PostgresPassword = "loadtest";

    private static Task? s_build;

    private readonly Placement _placement;
    private readonly string _folder;
    private readonly NovaTokens _tokens;
    private readonly NovaLayout _layout;
    private readonly NovaRedis _redis;
    private readonly List<ServerProcess> _backends = [];
    private readonly List<(ServerProcess Process, int Port)> _gateways = [];
    private readonly int _postgresPort = Ports.Find();
    private readonly int _telemetryPort = Ports.Find();
    private ServerProcess? _infra;
    private ServerProcess? _streamState;

    public NovaServices(Placement placement, string folder, NovaTokens tokens, NovaLayout layout)
    {
        (_placement, _folder, _tokens, _layout) = (placement, folder, tokens, layout);
        _redis = new NovaRedis(layout.RedisShards, placement.OtherCores, folder, (port, token) => StartInfraAsync("redis", port, Ports.Find(), token));
    }

    public NovaRedis Redis => _redis;

    public int RedisPort => _redis.Port;

    public int StreamStatePort { get; } = Ports.Find();

    public int StreamStateProcess => _streamState!.Id;

    /// <summary>PostgreSQL's processes now; sessions come and go with the services' pools.</summary>
    public IReadOnlyList<int> PostgresProcesses => [.. ProcFile.Tree(_infra!.Id).Skip(1)];

    public IReadOnlyList<int> GatewayPorts => [.. _gateways.Select(static gateway => gateway.Port)];

    public IReadOnlyList<int> GatewayProcesses => [.. _gateways.Select(static gateway => gateway.Process.Id)];

    /// <summary>For reading PostgreSQL's statistics.</summary>
    public string StreamsDatabase => Database("streams");

    public string TelemetryDatabase => Database("telemetry");

    public int TelemetryProcess { get; private set; }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await (s_build ??= BuildAsync(cancellationToken));

        // PostgreSQL runs under its own account, which must be able to reach this folder.
        File.SetUnixFileMode(_folder, File.GetUnixFileMode(_folder) | UnixFileMode.OtherExecute | UnixFileMode.GroupExecute);
        _backends.Add(_infra = await StartInfraAsync("infra", Ports.Find(), _postgresPort, cancellationToken));
        await _redis.StartAsync(cancellationToken);

        var core = _layout.Measured == NovaPart.StreamState ? _placement.MeasuredCores : _placement.OtherCores;
        _backends.Add(_streamState = await StartServiceAsync("Nova.StreamState", StreamStatePort, core, cancellationToken));
        if (_layout.Gateways > 0)
        {
            var telemetry = await StartServiceAsync("Nova.Telemetry", _telemetryPort, _placement.OtherCores, cancellationToken);
            _backends.Add(telemetry);
            TelemetryProcess = telemetry.Id;
        }

        for (var i = 0; i < _layout.Gateways; i++)
        {
            var port = Ports.Find();
            _gateways.Add((await StartServiceAsync("Nova.Gateway", port, _placement.MeasuredCores, cancellationToken), port));
        }
    }

    /// <summary>Kills a gateway and restarts it on the same port.</summary>
    public async Task RestartGatewayAsync(int index, CancellationToken cancellationToken)
    {
        var (process, port) = _gateways[index];
        await process.KillAsync();
        await process.DisposeAsync();
        _gateways[index] = (await StartServiceAsync("Nova.Gateway", port, _placement.MeasuredCores, cancellationToken), port);
    }

    public Task StopRedisAsync() => _redis.DisposeAsync().AsTask();

    public Task StartRedisAsync(CancellationToken cancellationToken) => _redis.StartAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_gateways.Select(static gateway => gateway.Process.DisposeAsync().AsTask())); // Each drains for five seconds.
        foreach (var service in _backends.AsEnumerable().Reverse())
        {
            await service.DisposeAsync();
        }

        await _redis.DisposeAsync();
    }

    /// <summary>Builds Nova.Standalone, which references all services. The build may use every core, because nothing is measured yet.</summary>
    private async Task BuildAsync(CancellationToken cancellationToken)
    {
        Console.Error.WriteLine("Building Nova in Release.");
        using var build = Process.Start(new ProcessStartInfo("taskset",
        [
            "-c", $"{_placement.MeasuredCores},{_placement.OtherCores}", "dotnet", "build", "Nova.Standalone", "-c", "Release", "-v", "quiet", "-nologo",
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
        var data = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
        return StartAsync(name, "Nova.LocalInfra", Ports.Find(), _placement.OtherCores, cancellationToken, new()
        {
            ["LocalInfra__DataFolder"] = data,
            ["LocalInfra__RedisPort"] = $"{redisPort}",
            ["LocalInfra__PostgresPort"] = $"{postgresPort}",
            ["LocalInfra__PostgresPassword"] = PostgresPassword,
            ["LocalInfra__PostgresSharedBuffers"] = "1GB", // As operators set it, a quarter of a small server's memory.
        });
    }

    private Task<ServerProcess> StartServiceAsync(string project, int port, string cores, CancellationToken cancellationToken) =>
        StartAsync($"{project}-{port}", project, port, cores, cancellationToken, new(_tokens.Settings)
        {
            ["ConnectionStrings__redis"] = _redis.ConnectionString,
            ["ConnectionStrings__streams"] = Database("streams"),
            ["ConnectionStrings__telemetry"] = Database("telemetry"),
            ["services__stream-state__http__0"] = $"http://127.0.0.1:{StreamStatePort}",
            ["services__telemetry__http__0"] = $"http://127.0.0.1:{_telemetryPort}",
            ["StreamState__SessionTimeout"] = "1.00:00:00", // Events bypass StreamState, which would otherwise time the silent broadcaster out,
            ["StreamState__HeartbeatTimeout"] = "1.00:00:00", // or report it lost after the last heartbeat of a window.
        });

    private async Task<ServerProcess> StartAsync(
        string name, string project, int port, string cores, CancellationToken cancellationToken, Dictionary<string, string> settings)
    {
        settings["ASPNETCORE_ENVIRONMENT"] = "Production";
        settings["ASPNETCORE_URLS"] = $"http://127.0.0.1:{port}";
        var program = Path.Combine(Repository.Root, project, "bin", "Release", "net10.0", $"{project}.dll");
        var process = ServerProcess.Start(name, cores, ["dotnet", program], settings, _folder);
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
