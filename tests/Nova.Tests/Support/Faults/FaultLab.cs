using System.Security.Cryptography;
using Npgsql;

namespace Nova.Tests.Support.Faults;

/// <summary>
/// Nova as it runs in production: a process for each service, real Redis and PostgreSQL, and a link of its own between any two of them, so
/// that a test can break exactly one thing. Two gateways, two StreamState replicas, one Telemetry.
/// </summary>
public sealed class FaultLab : IAsyncDisposable
{
    public const int Replicas = 2;

    private static readonly TimeSpan ReadyTimeout = TimeSpan.FromSeconds(20);

    private readonly string _signingKey = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
    private readonly List<IAsyncDisposable> _parts = [];
    private readonly List<Link> _links = [];
    private readonly List<LabService> _services = [];

    public RedisServer Redis { get; private set; } = null!;

    public PostgresServer Postgres { get; } = new();

    public IReadOnlyList<LabState> States { get; private set; } = [];

    public LabTelemetry Telemetry { get; private set; } = null!;

    public IReadOnlyList<LabGateway> Gateways { get; private set; } = [];

    /// <summary>Nova as clients reach it: REST calls go through the first gateway.</summary>
    public Api Api { get; private set; } = null!;

    public static async Task<FaultLab> StartAsync()
    {
        var lab = new FaultLab();
        try
        {
            await lab.StartPartsAsync();
            return lab;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    /// <summary>REST calls that go to one replica and past the gateways.</summary>
    public Api StateApi(int replica) => ApiAt(States[replica].Service.Front.Address);

    /// <summary>One more gateway, for a test that stops it, counts what it sends or gives it settings of its own.</summary>
    public async Task<LabGateway> StartGatewayAsync(params (string Name, string Value)[] settings)
    {
        var gateway = AddGateway(settings);
        await gateway.Service.StartAsync();
        await Eventually.TrueAsync(gateway.Service.IsHealthyAsync, "the gateway is ready", ReadyTimeout);
        return gateway;
    }

    /// <summary>Ends every fault and waits until all is healthy.</summary>
    /// <returns>False if that takes too long: the fault has done something that does not heal.</returns>
    public async Task<bool> TryHealAsync()
    {
        try
        {
            _links.ForEach(link => link.Heal());
            _services.ForEach(service => service.Process.Resume());
            Redis.Thaw();
            Postgres.Thaw();
            await Task.WhenAll(
                Redis.IsRunning ? Task.CompletedTask : Redis.RestartAsync(),
                Postgres.IsRunning ? Task.CompletedTask : Postgres.StartAsync());
            await Task.WhenAll(_services.Where(service => !service.Process.IsRunning).Select(service => service.RestartAsync()));
            await WaitUntilReadyAsync();
            return true;
        }
        catch (Xunit.Sdk.XunitException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_parts.Select(part => part.DisposeAsync().AsTask()));
        await Postgres.DisposeAsync();
    }

    /// <summary>An API of no stack: addresses are all that it is used for.</summary>
    private static Api ApiAt(params Uri[] addresses) => new(null!, addresses);

    private async Task StartPartsAsync()
    {
        var redis = RedisServer.StartAsync();
        await Postgres.StartAsync();
        Redis = await redis;
        _parts.Add(Redis);
        States = [.. Enumerable.Range(0, Replicas).Select(_ => AddState())];
        Telemetry = AddTelemetry();
        await Task.WhenAll(_services.Select(service => service.StartAsync()));
        Gateways = [AddGateway(), AddGateway()];
        await Task.WhenAll(Gateways.Select(gateway => gateway.Service.StartAsync()));
        Api = ApiAt([.. Gateways.Select(gateway => gateway.Service.Front.Address)]);
        await WaitUntilReadyAsync();
    }

    private async Task WaitUntilReadyAsync()
    {
        foreach (var service in _services)
        {
            await Eventually.TrueAsync(service.IsHealthyAsync, "every service is healthy", ReadyTimeout);
        }
    }

    private LabState AddState()
    {
        var (redis, postgres) = (AddLink(Redis.Port), AddLink(Postgres.Port));
        return new(AddService("StreamState", [Connection("redis", redis), Connection("streams", postgres)]), redis, postgres);
    }

    private LabTelemetry AddTelemetry()
    {
        var postgres = AddLink(Postgres.Port);
        return new(AddService("Telemetry", [Connection("telemetry", postgres)]), postgres);
    }

    private LabGateway AddGateway(params (string Name, string Value)[] settings)
    {
        var (redis, telemetry) = (AddLink(Redis.Port), AddLinkTo(Telemetry.Service));
        List<Link> states = [.. States.Select(state => AddLinkTo(state.Service))];
        var service = AddService(
            "Gateway",
            [
                Connection("redis", redis),
                .. states.Select((state, index) => ($"services__stream-state__http__{index}", state.Address.OriginalString.TrimEnd('/'))),
                ("services__telemetry__http__0", telemetry.Address.OriginalString.TrimEnd('/')),
                .. settings,
            ]);
        return new(service, redis, states, telemetry);
    }

    private (string Name, string Value) Connection(string name, Link link) => ($"ConnectionStrings__{name}", name == "redis"
        ? $"127.0.0.1:{link.Port}"
        : new NpgsqlConnectionStringBuilder(Postgres.Connection(name).ConnectionString) { Port = link.Port }.ConnectionString);

    private LabService AddService(string name, (string Name, string Value)[] settings)
    {
        var environment = new Dictionary<string, string>
        {
            ["Authentication__Schemes__Bearer__ValidIssuer"] = "nova-lab",
            ["Authentication__Schemes__Bearer__ValidAudiences__0"] = "nova",
            ["Authentication__Schemes__Bearer__SigningKeys__0__Issuer"] = "nova-lab",
            ["Authentication__Schemes__Bearer__SigningKeys__0__Value"] = _signingKey,
        };
        foreach (var (key, value) in settings)
        {
            environment[key] = value;
        }

        var service = new LabService(name, environment);
        _services.Add(service);
        _parts.Add(service);
        return service;
    }

    private Link AddLink(int target)
    {
        var link = new Link(target);
        _links.Add(link);
        _parts.Add(link);
        return link;
    }

    private Link AddLinkTo(LabService service)
    {
        var link = service.LinkToIt();
        _links.Add(link);
        return link;
    }
}

/// <summary>A StreamState replica and what it reaches.</summary>
public sealed record LabState(LabService Service, Link Redis, Link Postgres);

public sealed record LabTelemetry(LabService Service, Link Postgres);

/// <param name="States">To each StreamState replica.</param>
public sealed record LabGateway(LabService Service, Link Redis, IReadOnlyList<Link> States, Link Telemetry);
