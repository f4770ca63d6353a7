using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Nova.Gateway;
using Nova.Standalone;
using Nova.Telemetry;

namespace Nova.Tests.Support;

/// <summary>
/// An additional service of a stack, for a test that stops the service or replaces its settings, its clock or other dependencies. It has its own
/// signing key; <see cref="Token"/> creates its tokens.
/// </summary>
public sealed class OwnService : IAsyncDisposable
{
    private const string Issuer = "nova-own";
    private const string Bearer = "Authentication:Schemes:Bearer";

    private static readonly byte[] Key = RandomNumberGenerator.GetBytes(32);

    private readonly WebApplication _app;
    private bool _isStopped;

    private OwnService(WebApplication app)
    {
        _app = app;
        Address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
    }

    public Uri Address { get; }

    public IServiceProvider Services => _app.Services;

    public static Task<OwnService> StartGatewayAsync(
        NovaStack stack, IDictionary<string, string?>? settings = null, Action<IServiceCollection>? services = null, string environment = "Development") =>
        StartAsync(stack, builder => builder.AddGateway(), app => app.MapGateway(), settings, services, environment);

    public static Task<OwnService> StartTelemetryAsync(NovaStack stack, IDictionary<string, string?>? settings = null) =>
        StartAsync(stack, builder => builder.AddTelemetry(), app => app.MapTelemetry(), settings, null);

    /// <param name="claims">Additional claims; they override <c>sub</c> and the default claims.</param>
    public static string Token(string sub = "viewer", params (string Name, object Value)[] claims)
    {
        var all = new Dictionary<string, object> { ["sub"] = sub };
        foreach (var (name, value) in claims)
        {
            all[name] = value;
        }

        return new JsonWebTokenHandler().CreateToken(new SecurityTokenDescriptor
        {
            Issuer = Issuer,
            Audience = "nova",
            Expires = DateTime.UtcNow.AddMinutes(20),
            Claims = all,
            SigningCredentials = new SigningCredentials(new SymmetricSecurityKey(Key), SecurityAlgorithms.HmacSha256),
        });
    }

    public Task<Viewer> WatchAsync(TestStream stream, string? token = null) => Viewer.ConnectAsync(Address, stream.Id, token ?? Token());

    /// <summary>Stops the service gracefully, as an orchestrator does.</summary>
    public async Task StopAsync()
    {
        if (!_isStopped)
        {
            _isStopped = true;
            await _app.StopAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await _app.DisposeAsync();
    }

    private static async Task<OwnService> StartAsync(
        NovaStack stack, Action<WebApplicationBuilder> add, Action<WebApplication> map, IDictionary<string, string?>? settings,
        Action<IServiceCollection>? services, string environment = "Development")
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions
        {
            EnvironmentName = environment,
            ContentRootPath = AppContext.BaseDirectory,
        });
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:redis"] = stack.ConnectionString("redis"),
            ["ConnectionStrings:telemetry"] = stack.ConnectionString("telemetry"),
            ["services:stream-state:http:0"] = stack.StreamState.OriginalString,
            ["services:telemetry:http:0"] = stack.Telemetry.OriginalString,
            [$"{Bearer}:ValidIssuer"] = Issuer,
            [$"{Bearer}:ValidAudiences:0"] = "nova",
            [$"{Bearer}:SigningKeys:0:Issuer"] = Issuer,
            [$"{Bearer}:SigningKeys:0:Value"] = Convert.ToBase64String(Key),
            ["Gateway:DrainDelay"] = "00:00:00",
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "", // The stack's first gateway exports the telemetry of this process.
        });
        builder.Configuration.AddInMemoryCollection(settings ?? new Dictionary<string, string?>());
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        add(builder);
        services?.Invoke(builder.Services);
        var app = builder.Build();
        map(app);
        await app.StartAsync();
        var service = new OwnService(app);
        using var http = new HttpClient { BaseAddress = service.Address, Timeout = Api.Patience };
        await Eventually.TrueAsync(async () => (await http.GetAsync("/health")).IsSuccessStatusCode, "the service is ready");
        return service;
    }
}
