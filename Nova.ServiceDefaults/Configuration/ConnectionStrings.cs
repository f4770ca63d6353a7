using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Nova.ServiceDefaults.Http;

namespace Nova.ServiceDefaults.Configuration;

/// <summary>What a connection string says to the client's library, and what is wrong with it. No problem ever quotes a value: it may be a password.</summary>
/// <param name="Value">In the library's own format; empty where there are problems.</param>
/// <param name="Problems">Each goes on after "ConnectionStrings:name".</param>
internal sealed record ConnectionString(string Value, IReadOnlyList<string> Problems)
{
    public static ConnectionString Refused(params IReadOnlyList<string> problems) => new("", problems);
}

/// <summary>What was found wrong with a connection string when the service was put together; reported with everything else at start.</summary>
internal sealed class ConnectionStringProblems
{
    public IReadOnlyList<string> All { get; set; } = [];
}

/// <summary>
/// Connection strings, checked before a client sees them. The checked string takes the original's place in the configuration, so that every
/// reader of it gets the library's format, without the white space that secrets from files end in.
/// </summary>
public static class ConnectionStrings
{
    private const string Section = "ConnectionStrings";

    /// <summary>Accepts Npgsql's format and <c>postgres://</c> URLs.</summary>
    public static void ReadPostgresConnection(this IHostApplicationBuilder builder, string name) =>
        builder.Read(name, PostgresConnectionString.Read, $"this service's PostgreSQL database, such as {PostgresConnectionString.Example(name)}");

    /// <summary>Accepts StackExchange.Redis' format and <c>redis://</c> URLs.</summary>
    public static void ReadRedisConnection(this IHostApplicationBuilder builder, string name) =>
        builder.Read(name, RedisConnectionString.Read, $"a Redis server, such as {RedisConnectionString.Example}");

    private static void Read(this IHostApplicationBuilder builder, string name, Func<string, ConnectionString> read, string what)
    {
        var key = $"{Section}:{name}";
        var given = builder.Configuration[key]?.Trim();
        var (value, problems) = string.IsNullOrEmpty(given) ? ConnectionString.Refused($"is missing: {what}.") : read(given);
        builder.Configuration.AddInMemoryCollection([new(key, value)]);
        builder.Services.AddOptions<ConnectionStringProblems>(name)
            .Configure(options => options.All = [.. problems.Select(problem => $"{key} {problem}")])
            .ValidateOnStart();
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<ConnectionStringProblems>, Report>());
    }

    private sealed class Report : IValidateOptions<ConnectionStringProblems>
    {
        public ValidateOptionsResult Validate(string? name, ConnectionStringProblems options) =>
            options.All.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(options.All);
    }
}
