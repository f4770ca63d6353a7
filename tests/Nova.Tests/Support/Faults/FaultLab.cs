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

    private static readonly TimeSpan ReadyTimeout = TimeSpan.FromSeconds(30);

    private readonly string _signingKey = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
    private readonly List<IAsyncDisposable> _parts = [];
    private readonly List<Link> _links = [];
    private readonly List<LabService> _services = [];

    public RedisServer Redis { get; } = new();

    public PostgresServer Postgres { get; } = new();

    public IReadOnlyList<LabState> States { get; private set; } = [];

    public LabTelemetry Telemetry { get; private set; } = null!;

    public IReadOnlyList<LabGateway> Gateways { get; private set; } = [];

    /// <summary>All of them, without the gateways that tests add.</summary>
    public IReadOnlyList<LabService> Services => _services;

    /// <summary>Nova as clients reach it: REST calls go through the first gateway.</summary>
    public Api Api { get; private set; } = null!;

    /// <param name="serversFirst">False: the services are there before PostgreSQL and Redis, which <see cref="StartServersAsync"/> starts.</param>
    public static async Task<FaultLab> StartAsync(bool serversFirst = true)
    {
        var lab = new FaultLab();
        try
        {
            if (serversFirst)
            {
                await lab.StartServersAsync();
            }

            await lab.StartServicesAsync();
            if (serversFirst)
            {
                await lab.WaitUntilReadyAsync();
            }

            return lab;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    public Task StartServersAsync() => Task.WhenAll(Redis.StartAsync(), Postgres.StartAsync());

    public async Task WaitUntilReadyAsync(TimeSpan? within = null)
    {
        foreach (var service in _services)
        {
            await Eventually.TrueAsync(service.IsHealthyAsync, "every service is healthy", within ?? ReadyTimeout);
        }
    }

    /// <summary>REST calls that go to one replica and past the gateways.</summary>
    public Api StateApi(int replica) => ApiAt(States[replica].Service.Front.Address);

    /// <summary>One more gateway, for a test that stops it, counts what it sends or gives it settings of its own; the test disposes it.</summary>
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
            Redis.Thaw();
            Postgres.Thaw();
            await Task.WhenAll(
                Redis.IsRunning ? Task.CompletedTask : Redis.StartAsync(),
                Postgres.IsRunning ? Task.CompletedTask : Postgres.StartAsync());
            await Task.WhenAll(_services.Select(service => service.HealAsync()));
            await WaitUntilReadyAsync();
            await WaitForCallsAsync();
            return true;
        }
        catch (Xunit.Sdk.XunitException)
        {
            return false;
        }
    }

    /// <summary>The first call after a fault may get a session that PostgreSQL has ended: 503, and the next one succeeds.</summary>
    private async Task WaitForCallsAsync()
    {
        var token = await Api.TokenAsync("lab", "broadcaster");
        Api[] all = [StateApi(0), StateApi(1), .. Gateways.Select(gateway => ApiAt(gateway.Service.Front.Address))];
        await Task.WhenAll(all.Select(api => Eventually.TrueAsync(
            async () => (await api.CreateAsync(token)).IsSuccess, "a stream can be created", ReadyTimeout)));
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_parts.Select(part => part.DisposeAsync().AsTask()));
        await Redis.DisposeAsync();
        await Postgres.DisposeAsync();
    }

    /// <summary>An API of no stack: addresses are all that it is used for.</summary>
    private static Api ApiAt(params Uri[] addresses) => new(null!, addresses);

    private async Task StartServicesAsync()
    {
        States = [.. Enumerable.Range(0, Replicas).Select(AddState)];
        Telemetry = AddTelemetry();
        Gateways = [AddGateway(), AddGateway()];
        _services.AddRange([.. States.Select(state => state.Service), Telemetry.Service, .. Gateways.Select(gateway => gateway.Service)]);
        _parts.AddRange(_services);
        await Task.WhenAll(_services.Select(service => service.StartAsync()));
        Api = ApiAt([.. Gateways.Select(gateway => gateway.Service.Front.Address)]);
    }

    private LabState AddState(int replica)
    {
        var (redis, postgres) = (AddLink(Redis.Port), AddLink(Postgres.Port));
        var service = NewService("StreamState", [RedisConnection(redis), PostgresConnection("streams", postgres, $"replica-{replica}")]);
        return new(service, redis, postgres);
    }

    private LabTelemetry AddTelemetry()
    {
        var postgres = AddLink(Postgres.Port);
        var states = States.Select((state, index) => ($"services__stream-state__http__{index}", state.Service.LinkToIt().Address.OriginalString.TrimEnd('/')));
        return new(NewService("Telemetry", [PostgresConnection("telemetry", postgres, "telemetry"), .. states]), postgres);
    }

    private LabGateway AddGateway(params (string Name, string Value)[] settings)
    {
        var (redis, telemetry) = (AddLink(Redis.Port), Telemetry.Service.LinkToIt());
        List<Link> states = [.. States.Select(state => state.Service.LinkToIt())];
        var service = NewService(
            "Gateway",
            [
                RedisConnection(redis),
                .. states.Select((state, index) => ($"services__stream-state__http__{index}", state.Address.OriginalString.TrimEnd('/'))),
                ("services__telemetry__http__0", telemetry.Address.OriginalString.TrimEnd('/')),
                .. settings,
            ]);
        return new(service, redis, states, telemetry);
    }

    private static (string Name, string Value) RedisConnection(Link link) => ("ConnectionStrings__redis", $"127.0.0.1:{link.Port}");

    /// <param name="application">PostgreSQL lists its sessions under this name.</param>
    private (string Name, string Value) PostgresConnection(string database, Link link, string application)
    {
        var connection = Postgres.Connection(database);
        (connection.Port, connection.ApplicationName) = (link.Port, application);
        return ($"ConnectionStrings__{database}", connection.ConnectionString);
    }

    private LabService NewService(string name, (string Name, string Value)[] settings)
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

        return new LabService(name, environment);
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

/// <summary>A StreamState replica and its ways to what it needs.</summary>
public sealed record LabState(LabService Service, Link Redis, Link Postgres)
{
    /// <summary>Its host loses power, or a partition cuts it off: it is gone, and nothing ends its connections.</summary>
    public async Task VanishAsync()
    {
        Redis.Freeze();
        Postgres.Freeze();
        Service.FreezeClients();
        await Service.Process.KillAsync();
    }
}

public sealed record LabTelemetry(LabService Service, Link Postgres);

/// <param name="States">To each StreamState replica.</param>
public sealed record LabGateway(LabService Service, Link Redis, IReadOnlyList<Link> States, Link Telemetry) : IAsyncDisposable
{
    public ValueTask DisposeAsync() => Service.DisposeAsync();

    public Task<Viewer> WatchAsync(TestStream stream, string token) => Viewer.ConnectAsync(Service.Front.Address, stream.Id, token);
}
