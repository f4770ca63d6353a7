using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Nova.ServiceDefaults.Configuration;
using OpenTelemetry.Trace;
using StackExchange.Redis;

namespace Microsoft.Extensions.Hosting;

public static class RedisClientExtensions
{
    /// <summary>A connection that went deaf is given up after four of these; the default of 60 s would leave viewers without events for minutes.</summary>
    private const int KeepAliveSeconds = 2;

    /// <summary>
    /// Milliseconds between attempts, or rather the client's next heartbeat after them, which comes every second. By default the pauses grow to
    /// 10 s, and viewers would be without events for as long after Redis is back.
    /// </summary>
    private const int ReconnectPause = 500;

    /// <summary>
    /// Registers an <see cref="IConnectionMultiplexer"/> for <c>ConnectionStrings:{connectionName}</c>, with a health check and traces. It does not
    /// need Redis to be there at start: it goes on connecting, and what needs Redis says so until then.
    /// </summary>
    public static void AddRedisClient(this IHostApplicationBuilder builder, string connectionName)
    {
        var configuration = RedisConnectionString.Options(builder.Configuration, connectionName);
        configuration.AbortOnConnectFail = false;
        configuration.KeepAlive = KeepAliveSeconds;
        configuration.ReconnectRetryPolicy = new LinearRetry(ReconnectPause);
        builder.Services.AddSingleton<IConnectionMultiplexer>(services =>
        {
            configuration.LoggerFactory = services.GetRequiredService<ILoggerFactory>();
            return ConnectionMultiplexer.Connect(configuration);
        });

        builder.Services.AddHostedService<RedisTracing>();
        builder.Services.AddOpenTelemetry().WithTracing(tracing => tracing.AddSource(RedisTracing.Source));
        builder.Services.AddHealthChecks().AddRedis(services => services.GetRequiredService<IConnectionMultiplexer>(), "StackExchange.Redis");
    }
}
