using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Nova.Gateway;
using Nova.LocalInfra;
using Nova.StreamState;
using Nova.Telemetry;

namespace Nova.Standalone;

/// <summary>
/// All of Nova in one process: PostgreSQL and Redis of its own, each service on a port of its own, wired by nothing but the configuration
/// keys that Aspire injects. Where <c>ConnectionStrings__…</c> names a server, that one is used instead.
/// </summary>
public sealed class NovaStack : IAsyncDisposable
{
    private const string Issuer = "nova-standalone";
    private const string Audience = "nova";

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

    /// <exception cref="LocalInfraException">The machine lacks something, or a port or the folder is taken.</exception>
    public static async Task<NovaStack> StartAsync(StackOptions options, CancellationToken cancellationToken = default)
    {
        var stack = new NovaStack(options);
        try
        {
            await stack.StartInOrderAsync(cancellationToken);
            return stack;
        }
        catch
        {
            await stack.DisposeAsync();
            throw;
        }
    }

    /// <summary>A connection string of this stack: <c>streams</c>, <c>telemetry</c> or <c>redis</c>.</summary>
    public string ConnectionString(string name) => _settings[$"ConnectionStrings:{name}"]!;

    /// <summary>Stops what was started, last first: gateways let their viewers go before anything behind them is gone.</summary>
    public async ValueTask DisposeAsync()
    {
        while (_parts.TryPop(out var part))
        {
            await part.DisposeAsync();
        }
    }

    private async Task StartInOrderAsync(CancellationToken cancellationToken)
    {
        for (var i = 0; i < _options.Gateways && _options.Port > 0; i++)
        {
            CheckFree(_options.Port + i); // Before anything slow: the most likely mistake gets the fastest answer.
        }

        var data = DataFolder.Open(_options.DataFolder);
        _parts.Push(new Disposal(data));
        Set("Authentication:Schemes:Bearer:ValidIssuer", Issuer);
        Set("Authentication:Schemes:Bearer:ValidAudiences:0", Audience);
        Set("Authentication:Schemes:Bearer:SigningKeys:0:Issuer", Issuer);
        Set("Authentication:Schemes:Bearer:SigningKeys:0:Value", data.SigningKey());

        Set("Gateway:DrainDelay", "00:00:00"); // No balancer is in front.

        await StartInfraAsync(cancellationToken);
        StreamState = await StartAsync("stream-state", 0, builder => builder.AddStreamState(), app => app.MapStreamState(), cancellationToken);
        Telemetry = await StartAsync("telemetry", 0, builder => builder.AddTelemetry(), app => app.MapTelemetry(), cancellationToken);
        Set("services:stream-state:http:0", StreamState.OriginalString);
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

    private async Task StartInfraAsync(CancellationToken cancellationToken)
    {
        var given = new ConfigurationBuilder().AddEnvironmentVariables().AddInMemoryCollection(_options.Settings).Build();
        if (given.GetConnectionString("redis") is { Length: > 0 } redis)
        {
            Set("ConnectionStrings:redis", redis);
        }
        else
        {
            var local = LocalRedis.Start();
            _parts.Push(new Disposal(local));
            Set("ConnectionStrings:redis", local.ConnectionString);
        }

        string[] databases = ["streams", "telemetry"];
        foreach (var database in databases.Where(name => given.GetConnectionString(name) is { Length: > 0 }))
        {
            Set($"ConnectionStrings:{database}", given.GetConnectionString(database)!);
        }

        string[] own = [.. databases.Where(database => !_settings.ContainsKey($"ConnectionStrings:{database}"))];
        if (own.Length > 0)
        {
            var postgres = await LocalPostgres.StartAsync(_options.DataFolder, own, cancellationToken: cancellationToken);
            _parts.Push(postgres);
            foreach (var database in own)
            {
                Set($"ConnectionStrings:{database}", postgres.ConnectionString(database));
            }
        }
    }

    private async Task<Uri> StartAsync(
        string name, int port, Action<WebApplicationBuilder> add, Action<WebApplication> map, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions
        {
            EnvironmentName = Environment.GetEnvironmentVariable("ASPNETCORE_ENVIRONMENT") ?? Environments.Development,
            ContentRootPath = AppContext.BaseDirectory,
        });
        builder.Configuration.AddInMemoryCollection(_settings).AddInMemoryCollection(_options.Settings);
        if (name != "gateway" || _gateways.Count > 0)
        {
            // Sources of traces and metrics belong to the process, not to a host: one of them exports for all, or each span leaves five times.
            builder.Configuration.AddInMemoryCollection([new("OTEL_EXPORTER_OTLP_ENDPOINT", "")]);
        }

        builder.Services.AddSingleton<IHostLifetime, StackLifetime>();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        add(builder);

        var app = builder.Build();
        map(app);
        _parts.Push(new RunningService(app));
        await app.StartAsync(cancellationToken);
        return new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
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
            throw new LocalInfraException($"{service} did not become ready in {ReadyTimeout.TotalSeconds:F0} s; its log is above.");
        }
    }

    private static void CheckFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
        }
        catch (SocketException exception)
        {
            throw new LocalInfraException($"Port {port} is in use; choose another with --port.", exception);
        }
    }

    /// <summary>Signals are for the stack, which stops its parts in order; a host of its own would stop at once.</summary>
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

    private sealed class Disposal(IDisposable part) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            part.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
