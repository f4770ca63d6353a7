using System.Net;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Nova.Gateway;
using Nova.LocalInfra;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Configuration;
using Nova.StreamState;
using Nova.Telemetry;

namespace Nova.Standalone;

/// <summary>
/// All of Nova in one process: a private PostgreSQL and Redis, and each service on its own port. The services are connected only by the
/// configuration keys that Aspire injects. If <c>ConnectionStrings__…</c> names a server, Nova uses it instead of a private one.
/// </summary>
public sealed class NovaStack : IAsyncDisposable
{
    private const string Issuer = "nova-standalone";
    private const string Audience = "nova";

    private static readonly string[] Databases = ["streams", "telemetry"];

    private static readonly TimeSpan ReadyTimeout = TimeSpan.FromSeconds(60);

    private readonly Stack<IAsyncDisposable> _parts = [];
    private readonly Dictionary<string, string?> _settings = [];
    private readonly StackOptions _options;
    private readonly List<Uri> _gateways = [];

    private NovaStack(StackOptions options)
    {
        _options = options;
    }

    public IReadOnlyList<Uri> Gateways => _gateways;

    public Uri StreamState { get; private set; } = null!;

    public Uri Telemetry { get; private set; } = null!;

    /// <summary>Folder of the private PostgreSQL, which is not always the data folder; null if Nova uses existing databases.</summary>
    public string? DatabaseFolder { get; private set; }

    /// <exception cref="LocalInfraException">A program is missing, a port or the folder is in use, or settings are invalid; a line for each.</exception>
    public static async Task<NovaStack> StartAsync(StackOptions options, CancellationToken cancellationToken = default)
    {
        var stack = new NovaStack(options);
        try
        {
            await stack.StartInOrderAsync(cancellationToken);
            return stack;
        }
        catch (Exception exception) when (StartProblems.Of(exception, "Choose another port with --port.") is { } problems)
        {
            await stack.DisposeAsync();
            throw new LocalInfraException(string.Join(Environment.NewLine, problems), exception);
        }
        catch
        {
            await stack.DisposeAsync();
            throw;
        }
    }

    /// <summary>A connection string of this stack: <c>streams</c>, <c>telemetry</c> or <c>redis</c>.</summary>
    public string ConnectionString(string name) => _settings[$"ConnectionStrings:{name}"]!;

    /// <summary>Stops all parts in reverse order, so that gateways close their viewers before the services behind them stop.</summary>
    public async ValueTask DisposeAsync()
    {
        while (_parts.TryPop(out var part))
        {
            await part.DisposeAsync();
        }
    }

    private async Task StartInOrderAsync(CancellationToken cancellationToken)
    {
        GatewayPorts.Check(_options.Port, _options.Gateways); // Before the slow steps: a port in use is the most likely mistake.
        var data = DataFolder.Open(_options.DataFolder);
        _parts.Push(new DisposablePart(data));
        Set("Authentication:Schemes:Bearer:ValidIssuer", Issuer);
        Set("Authentication:Schemes:Bearer:ValidAudiences:0", Audience);
        Set("Authentication:Schemes:Bearer:SigningKeys:0:Issuer", Issuer);
        Set("Authentication:Schemes:Bearer:SigningKeys:0:Value", data.SigningKey());

        Set("Gateway:DrainDelay", "00:00:00"); // There is no load balancer.
        ReadConnectionStrings();
        CheckSettings();
        await StartInfraAsync(cancellationToken);
        StreamState = await StartAsync("stream-state", 0, builder => builder.AddStreamState(), app => app.MapStreamState(), cancellationToken);
        Set("services:stream-state:http:0", StreamState.OriginalString);
        Telemetry = await StartAsync("telemetry", 0, builder => builder.AddTelemetry(), app => app.MapTelemetry(), cancellationToken);
        Set("services:telemetry:http:0", Telemetry.OriginalString);
        await WaitUntilReadyAsync(StreamState, cancellationToken);
        await WaitUntilReadyAsync(Telemetry, cancellationToken);

        for (var i = 0; i < _options.Gateways; i++)
        {
            var port = _options.Port == 0 ? 0 : _options.Port + i;
            _gateways.Add(await StartAsync("gateway", port, builder => builder.AddGateway(), app => app.MapGateway(), cancellationToken));
        }

        foreach (var gateway in _gateways)
        {
            await WaitUntilReadyAsync(gateway, cancellationToken);
        }
    }

    private void ReadConnectionStrings()
    {
        var configuration = new ConfigurationBuilder().AddEnvironmentVariables().AddInMemoryCollection(_options.Settings).Build();
        foreach (var name in Databases.Append("redis"))
        {
            if (configuration.GetConnectionString(name) is { Length: > 0 } value)
            {
                Set($"ConnectionStrings:{name}", value);
            }
        }
    }

    private bool HasConnection(string name) => _settings.ContainsKey($"ConnectionStrings:{name}");

    /// <summary>Builds each service once without starting it, so that one message reports the invalid settings of all three.</summary>
    private void CheckSettings()
    {
        List<string> problems = [];
        foreach (var add in new Action<WebApplicationBuilder>[] { builder => builder.AddStreamState(), builder => builder.AddTelemetry(), builder => builder.AddGateway() })
        {
            try
            {
                var builder = CreateBuilder(0, exports: false);
                builder.Logging.ClearProviders();
                builder.Configuration.AddInMemoryCollection(Databases.Append("redis").Where(name => !HasConnection(name))
                    .Select(name => KeyValuePair.Create($"ConnectionStrings:{name}", (string?)(name == "redis" ? "127.0.0.1" : "Host=127.0.0.1;Database=none"))));
                using var app = NovaService.Build(builder, add, static _ => { });
            }
            catch (Exception exception) when (StartProblems.Of(exception) is { } found)
            {
                problems.AddRange(found);
            }
        }

        if (problems.Count > 0)
        {
            throw new LocalInfraException(string.Join(Environment.NewLine, problems.Distinct()));
        }
    }

    private async Task StartInfraAsync(CancellationToken cancellationToken)
    {
        if (!HasConnection("redis"))
        {
            var local = LocalRedis.Start();
            _parts.Push(new DisposablePart(local));
            Set("ConnectionStrings:redis", local.ConnectionString);
        }

        string[] missing = [.. Databases.Where(database => !HasConnection(database))];
        if (missing.Length > 0)
        {
            var postgres = await LocalPostgres.StartAsync(_options.DataFolder, missing, cancellationToken: cancellationToken);
            _parts.Push(postgres);
            DatabaseFolder = postgres.Folder;
            foreach (var database in missing)
            {
                Set($"ConnectionStrings:{database}", postgres.ConnectionString(database));
            }
        }
    }

    private async Task<Uri> StartAsync(
        string name, int port, Action<WebApplicationBuilder> add, Action<WebApplication> map, CancellationToken cancellationToken)
    {
        // Trace and metric sources belong to the process, not to a host. Only one host exports them; otherwise each span is exported five times.
        var app = NovaService.Build(CreateBuilder(port, exports: name == "gateway" && _gateways.Count == 0), add, map);
        _parts.Push(new RunningService(app));
        await app.StartAsync(cancellationToken);
        return new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
    }

    private WebApplicationBuilder CreateBuilder(int port, bool exports)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions
        {
            EnvironmentName = Environment.GetEnvironmentVariable("ASPNETCORE_ENVIRONMENT") ?? Environments.Development,
            ContentRootPath = AppContext.BaseDirectory,
        });
        builder.Configuration.AddInMemoryCollection(_settings).AddInMemoryCollection(_options.Settings);
        if (!exports)
        {
            builder.Configuration.AddInMemoryCollection([new("OTEL_EXPORTER_OTLP_ENDPOINT", "")]);
        }

        builder.Services.AddSingleton<IHostLifetime, StackLifetime>();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        return builder;
    }

    private void Set(string key, string value) => _settings[key] = value;

    private static async Task WaitUntilReadyAsync(Uri service, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { BaseAddress = service };
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(ReadyTimeout);
        try
        {
            while ((await http.GetAsync("/health", timeout.Token)).StatusCode != HttpStatusCode.OK)
            {
                await Task.Delay(20, timeout.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new LocalInfraException($"{service} did not become ready in {ReadyTimeout.TotalSeconds:F0} s; see its log above.");
        }
    }

    /// <summary>Ignores signals: the stack handles them and stops its parts in order, whereas a host would stop at once.</summary>
    private sealed class StackLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private sealed class RunningService(WebApplication app) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await app.StopAsync();
            await app.DisposeAsync();
        }
    }

    private sealed class DisposablePart(IDisposable part) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            part.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
