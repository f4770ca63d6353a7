using StackExchange.Redis;

namespace Nova.ServiceDefaults.Redis;

/// <summary>How Nova's connections to Redis behave.</summary>
public static class RedisSettings
{
    public static void Apply(ConfigurationOptions options)
    {
        options.AbortOnConnectFail = false; // Redis may come later than the service.
        options.KeepAlive = 2;

        // A link that went deaf is given up after four of these without a byte: after 5 to 6 s, which DESIGN.md's 8 s leave room for. The defaults
        // of 5 s made it 21 s, and one of them alone changes nothing: keep-alives count as synchronous.
        options.SyncTimeout = 1000;
        options.AsyncTimeout = 1000;

        // Milliseconds between attempts, or rather the client's next heartbeat after them, which comes every second. By default the pauses grow to
        // 10 s, and viewers would be without events for as long after Redis is back.
        options.ReconnectRetryPolicy = new LinearRetry(500);

        // How soon a planned change of roles is noticed while both nodes stay up; 60 s by default.
        options.ConfigCheckSeconds = 2;
    }
}
