using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Nova.ServiceDefaults.Configuration;
using Nova.ServiceDefaults.Health;
using Nova.ServiceDefaults.Redis;
using OpenTelemetry.Trace;
using StackExchange.Redis;

namespace Microsoft.Extensions.Hosting;

public static class RedisClientExtensions
{
    /// <summary>
    /// Registers an <see cref="IConnectionMultiplexer"/> for <c>ConnectionStrings:{connectionName}</c>, with a health check and traces. It does not
    /// need Redis to be there at start: it goes on connecting, and what needs Redis says so until then.
    /// </summary>
    public static void AddRedisClient(this IHostApplicationBuilder builder, string connectionName)
    {
        var configuration = RedisConnectionString.Options(builder.Configuration, connectionName);
        RedisSettings.Apply(configuration);
        builder.Services.AddSingleton<IConnectionMultiplexer>(services =>
        {
            configuration.LoggerFactory = services.GetRequiredService<ILoggerFactory>();
            return ConnectionMultiplexer.Connect(configuration);
        });

        builder.Services.AddHostedService<RedisTracing>();
        builder.Services.AddOpenTelemetry().WithTracing(tracing => tracing.AddSource(RedisTracing.Source));

        // Degraded, not unhealthy: viewers stay and state changes are kept while Redis is unavailable, so nobody gains by a restart (S47).
        builder.Services.AddDependencyProbe<RedisProbe>("StackExchange.Redis", HealthStatus.Degraded);
    }
}
