using System.Net;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Nova.Cli.Commands;
using Nova.Client;
using Nova.Demo;
using Nova.ServiceDefaults.Http;
using Nova.Standalone;

namespace Nova.Cli.Simulation;

/// <summary>A local Nova in this process, whole and real, with a gateway before it that misbehaves when told.</summary>
internal sealed class Simulation : IAsyncDisposable
{
    private readonly NovaStack _stack;
    private readonly WebApplication _app;
    private readonly NovaPublisher _publisher;
    private readonly SemaphoreSlim _ending = new(1);
    private DemoBroadcaster? _demo;

    private Simulation(NovaStack stack, WebApplication app, NovaPublisher publisher)
    {
        _stack = stack;
        _app = app;
        _publisher = publisher;
        Address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
    }

    public Uri Address { get; }

    public Guid? StreamId => _demo?.StreamId;

    public int Viewers => _app.Services.GetRequiredService<SimulatedGateway>().Viewers;

    public static async Task<Simulation> StartAsync(int port, string dataFolder, CancellationToken cancellationToken)
    {
        var stack = await NovaStack.StartAsync(
            new StackOptions
            {
                DataFolder = dataFolder,
                Settings = new Dictionary<string, string?> { ["StreamState:KickDuration"] = "00:00:10", ["Logging:LogLevel:Default"] = "Warning" },
            },
            cancellationToken);
        var gateway = stack.Gateways[0];
        var publisher = new NovaPublisher(new NovaClientOptions { Address = gateway, Token = DevelopmentTokens.Of(gateway, "nova-simulate", "operator") });
        var builder = WebApplication.CreateSlimBuilder();
        var switches = new FaultSwitches();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port, listen => listen.Use(next => SilenceGate.Wrap(next, switches))));
        builder.Logging.ClearProviders();
        builder.Services.AddHttpForwarder();
        builder.Services.AddSingleton(switches);
        builder.Services.AddSingleton(services => ActivatorUtilities.CreateInstance<SimulatedGateway>(services, gateway, publisher));
        var app = builder.Build();
        app.UseWebSockets();
        Simulation? simulation = null;
        MapControl(app, fault => simulation?.DoAsync(fault) ?? Task.CompletedTask, () => simulation?.StreamId);
        app.MapFallback((HttpContext context, SimulatedGateway simulated) => simulated.HandleAsync(context));
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (Exception exception) when (exception is IOException or System.Net.Sockets.SocketException)
        {
            await stack.DisposeAsync();
            throw new UsageException($"{exception.Message} Choose another port with --port.");
        }

        simulation = new Simulation(stack, app, publisher);
        simulation._demo = await DemoBroadcaster.StartAsync([gateway], cancellationToken);
        return simulation;
    }

    public async Task DoAsync(Fault fault)
    {
        if (fault.Name == "end")
        {
            await _ending.WaitAsync();
            try
            {
                await _demo!.DisposeAsync();
                _demo = await DemoBroadcaster.StartAsync(_stack.Gateways, CancellationToken.None);
            }
            finally
            {
                _ending.Release();
            }

            return;
        }

        await _app.Services.GetRequiredService<SimulatedGateway>().DoAsync(fault);
    }

    public async ValueTask DisposeAsync()
    {
        _ending.Dispose();
        if (_demo is not null)
        {
            await _demo.DisposeAsync();
        }

        await _app.StopAsync(new CancellationToken(canceled: true));
        await _app.DisposeAsync();
        _publisher.Dispose();
        await _stack.DisposeAsync();
    }

    /// <summary><c>POST /simulate/{fault}</c>, for tests of one's own client in any language.</summary>
    private static void MapControl(WebApplication app, Func<Fault, Task> act, Func<Guid?> streamId)
    {
        app.MapGet("/simulate", (SimulatedGateway simulated) => Results.Ok(new { viewers = simulated.Viewers, stream_id = streamId(), faults = Faults.ByName.Keys }));
        app.MapPost("/simulate/{name}", async (string name, string? @for, int? code, string? reason, string? delay, SimulatedGateway simulated) =>
        {
            try
            {
                var viewers = simulated.Viewers;
                await act(SimulationScript.FaultOf(name, @for, code, reason, delay));
                return Results.Ok(new { did = name, viewers });
            }
            catch (UsageException wrong)
            {
                return Problems.Create(StatusCodes.Status400BadRequest, "INVALID_REQUEST", wrong.Message);
            }
        });
    }
}
