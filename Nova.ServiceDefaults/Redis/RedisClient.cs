using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Nova.ServiceDefaults.Configuration;
using Nova.ServiceDefaults.Health;
using StackExchange.Redis.Configuration;

namespace Nova.ServiceDefaults.Redis;

public static class RedisClient
{
    /// <summary>
    /// Registers Aspire's <see cref="StackExchange.Redis.IConnectionMultiplexer"/> for <c>ConnectionStrings:{connectionName}</c>, with Nova's time-outs
    /// and probe. Redis may come later than the service: the client goes on connecting, and what needs Redis says so until then.
    /// </summary>
    /// <param name="tunnel">What the connections are led through; null for none.</param>
    public static void AddRedis(this IHostApplicationBuilder builder, string connectionName, Tunnel? tunnel = null)
    {
        builder.ReadRedisConnection(connectionName);
        builder.AddRedisClientBuilder(
            connectionName,
            settings =>
            {
                settings.DisableAutoActivation = false; // The first viewer does not wait for the connection.
                settings.DisableHealthChecks = true; // Aspire's check waits for a Redis that hangs; the probe below has asked already.
            },
            options =>
            {
                RedisSettings.Apply(options);
                options.Tunnel = tunnel;
            });

        // Degraded, not unhealthy: viewers stay and state changes are kept while Redis is unavailable, so nobody gains by a restart (S47).
        builder.Services.AddSingleton<RedisChannels>();
        builder.Services.AddDependencyProbe<RedisProbe>("StackExchange.Redis", HealthStatus.Degraded);
    }
}
