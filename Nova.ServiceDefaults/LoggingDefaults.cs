using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Nova.ServiceDefaults.Http;

namespace Nova.ServiceDefaults;

/// <summary>What the libraries may log. Our own events say what happens; a line per request, call or connection of theirs would bury them.</summary>
internal static class LoggingDefaults
{
    /// <summary>The least of all settings: <c>Logging__LogLevel__…</c> and appsettings.json go before it.</summary>
    private static readonly Dictionary<string, string?> Levels = new()
    {
        ["Logging:LogLevel:Microsoft.AspNetCore"] = nameof(LogLevel.Warning), // Two lines for each viewer who connects.
        ["Logging:LogLevel:Microsoft.Extensions.Diagnostics.HealthChecks"] = nameof(LogLevel.None), // An error for each probe while not ready.
        ["Logging:LogLevel:Microsoft.Extensions.Http"] = nameof(LogLevel.Warning),
        ["Logging:LogLevel:Npgsql"] = nameof(LogLevel.Warning), // Every command, with its text.
        ["Logging:LogLevel:Polly"] = nameof(LogLevel.None), // Each attempt of a call, the last with a stack trace; the caller says what became of it.
        ["Logging:LogLevel:StackExchange.Redis"] = nameof(LogLevel.None), // Two lines a second and link while Redis is unavailable; our own probe says it once.
        ["Logging:LogLevel:System.Net.Http.HttpClient"] = nameof(LogLevel.Warning), // Four lines for each call.
    };

    public static void AddLoggingDefaults(this IHostApplicationBuilder builder)
    {
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = Levels });

        // A line for each connection that is turned away would be a flood of our own; nova's and Kestrel's metrics count them.
        builder.Logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel.Connections", LogLevel.Error);

        // No cookie and no form is protected here, so nobody needs to hear where the keys for that are kept.
        builder.Logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);

        // Its request lines would show the token that viewers carry in the query (S31), and so would the proxy's, which has a stack trace for
        // each body that a client sends badly, too. What fails on our side Nova.Gateway's ServiceProxy reports.
        builder.Logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.Warning);
        builder.Logging.AddFilter("Yarp.ReverseProxy", LogLevel.Error);

        // ProblemExceptionHandler reports what is ours; the framework's own line would log every client's mistake as an error.
        builder.Logging.AddFilter("Microsoft.AspNetCore.Diagnostics.ExceptionHandlerMiddleware", LogLevel.None);
    }
}
