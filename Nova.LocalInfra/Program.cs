using Microsoft.Extensions.Diagnostics.HealthChecks;
using Nova.LocalInfra;

// The standalone program: PostgreSQL and Redis for an AppHost on a machine without containers.
var builder = WebApplication.CreateBuilder(args);
builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None); // A server that does not start is one sentence below, not a stack trace.
builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning); // Four lines for each probe.
builder.Services.AddHealthChecks().AddCheck<LocalServers>("servers");
builder.Services.AddSingleton<LocalServers>();
builder.Services.AddHostedService(services => services.GetRequiredService<LocalServers>());

var app = builder.Build();
app.MapHealthChecks("/health");
try
{
    await app.RunAsync();
    return 0;
}
catch (LocalInfraException problem)
{
    await Console.Error.WriteLineAsync(problem.Message);
    return 1;
}
catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
{
    await Console.Error.WriteLineAsync($"LocalInfra:DataFolder cannot be used: {problem.Message}");
    return 1;
}

/// <summary>Runs both servers with the ports and the folder of configuration section <c>LocalInfra</c>.</summary>
internal sealed class LocalServers(IConfiguration configuration) : IHostedService, IHealthCheck, IAsyncDisposable
{
    private LocalPostgres? _postgres;
    private LocalRedis? _redis;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var section = configuration.GetSection("LocalInfra");
        _redis = LocalRedis.Start(section.GetValue<int?>("RedisPort"));
        _postgres = await LocalPostgres.StartAsync(
            section["DataFolder"] ?? ".nova",
            ["streams", "telemetry"],
            section.GetValue<int?>("PostgresPort"),
            section["PostgresPassword"],
            section["PostgresSharedBuffers"],
            cancellationToken);
    }

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(_postgres is not null && _redis is not null ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("starting"));

    public async Task StopAsync(CancellationToken cancellationToken) => await DisposeAsync();

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _postgres, null) is { } postgres)
        {
            await postgres.DisposeAsync();
        }

        Interlocked.Exchange(ref _redis, null)?.Dispose();
    }
}
