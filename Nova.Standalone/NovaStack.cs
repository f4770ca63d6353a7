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
/// All of Nova in one process: PostgreSQL and Redis of its own, each service on a port of its own, wired by nothing but the configuration
/// keys that Aspire injects. Where <c>ConnectionStrings__…</c> names a server, that one is used instead.
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

    /// <summary>Where PostgreSQL's files are, if it is this stack's own: not always in the data folder.</summary>
    public string? DatabaseFolder { get; private set; }

    /// <exception cref="LocalInfraException">The machine lacks something, a port or the folder is taken, or settings are wrong: a line for each.</exception>
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
        GatewayPorts.Check(_options.Port, _options.Gateways); // Before anything slow: the most likely mistake gets the fastest answer.
        var data = DataFolder.Open(_options.DataFolder);
        _parts.Push(new Disposal(data));
        Set("Authentication:Schemes:Bearer:ValidIssuer", Issuer);
        Set("Authentication:Schemes:Bearer:ValidAudiences:0", Audience);
        Set("Authentication:Schemes:Bearer:SigningKeys:0:Issuer", Issuer);
        Set("Authentication:Schemes:Bearer:SigningKeys:0:Value", data.SigningKey());

        Set("Gateway:DrainDelay", "00:00:00"); // No balancer is in front.
        TakeGivenConnections();
        CheckSettings();
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

    private void TakeGivenConnections()
    {
        var given = new ConfigurationBuilder().AddEnvironmentVariables().AddInMemoryCollection(_options.Settings).Build();
        foreach (var name in Databases.Append("redis"))
        {
            if (given.GetConnectionString(name) is { Length: > 0 } value)
            {
                Set($"ConnectionStrings:{name}", value);
            }
        }
    }

    private bool HasConnection(string name) => _settings.ContainsKey($"ConnectionStrings:{name}");

    /// <summary>Puts each service together once without starting it, so that what is wrong with the settings of all three is reported at once.</summary>
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
            _parts.Push(new Disposal(local));
            Set("ConnectionStrings:redis", local.ConnectionString);
        }

        string[] own = [.. Databases.Where(database => !HasConnection(database))];
        if (own.Length > 0)
        {
            var postgres = await LocalPostgres.StartAsync(_options.DataFolder, own, cancellationToken: cancellationToken);
            _parts.Push(postgres);
            DatabaseFolder = postgres.Folder;
            foreach (var database in own)
            {
                Set($"ConnectionStrings:{database}", postgres.ConnectionString(database));
            }
        }
    }

    private async Task<Uri> StartAsync(
        string name, int port, Action<WebApplicationBuilder> add, Action<WebApplication> map, CancellationToken cancellationToken)
    {
        // Sources of traces and metrics belong to the process, not to a host: one of them exports for all, or each span leaves five times.
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
            throw new LocalInfraException($"{service} did not become ready in {ReadyTimeout.TotalSeconds:F0} s; its log is above.");
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
