using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Nova.AppHost;

/// <summary>The two databases and Redis, as containers, local processes or Azure services.</summary>
internal sealed record BackingServices(
    IResourceBuilder<IResourceWithConnectionString> Streams,
    IResourceBuilder<IResourceWithConnectionString> Telemetry,
    IResourceBuilder<IResourceWithConnectionString> Redis);

internal static class BackingServicesExtensions
{
    public static BackingServices AddBackingServices(this IDistributedApplicationBuilder builder, AppHostSettings settings)
    {
        if (settings.Infrastructure is InfrastructureKind.Local)
        {
            return builder.AddLocalInfra(settings);
        }

#if AZURE
        return builder.AddAzureBackingServices();
#else
        return builder.AddContainers(settings);
#endif
    }

    private static BackingServices AddContainers(this IDistributedApplicationBuilder builder, AppHostSettings settings)
    {
        var postgres = builder.AddPostgres("postgres").WithDataVolume("nova-postgres");
        var redis = builder.AddRedis("redis");
        if (builder.ExecutionContext.IsRunMode)
        {
            postgres.WithLifetime(ContainerLifetime.Persistent).WithPgWeb().LogAtStart(settings.Reason);
            redis.WithLifetime(ContainerLifetime.Persistent).WithRedisInsight();
        }

        return new(postgres.AddDatabase("streams"), postgres.AddDatabase("telemetry-db", "telemetry"), redis);
    }

    /// <summary>Adds the servers that Nova.Standalone uses, as one resource, for machines without a container engine.</summary>
    private static BackingServices AddLocalInfra(this IDistributedApplicationBuilder builder, AppHostSettings settings)
    {
        var password = builder.AddParameter("postgres-password", new GenerateParameterDefault { MinLength = 22, Special = false }, secret: true, persist: true)
            .WithDescription("Password of the local PostgreSQL's user `nova`. The AppHost makes one and keeps it in user secrets.", enableMarkdown: true);
        var infra = builder.AddProject<Projects.Nova_LocalInfra>("local-infra")
            .WithIconName("ServerMultiple")
            .WithEndpoint("http", endpoint => endpoint.Port = null)
            .WithEndpoint(name: "postgres", scheme: "tcp", env: "LocalInfra__PostgresPort", isProxied: false, port: FreePort.Find())
            .WithEndpoint(name: "redis", scheme: "tcp", env: "LocalInfra__RedisPort", isProxied: false, port: FreePort.Find())
            .WithEnvironment("LocalInfra__PostgresPassword", password)
            .WithEnvironment("LocalInfra__DataFolder", settings.LocalFolder)
            .WithHttpHealthCheck("/health")
            .WithUrls(context => context.Urls.ForEach(url => url.DisplayLocation = UrlDisplayLocation.DetailsOnly))
            .LogAtStart(settings.Reason);
        var (postgresPort, redisPort) = (infra.GetEndpoint("postgres"), infra.GetEndpoint("redis"));

        var postgres = builder.AddConnectionString("postgres", Postgres($"Host=127.0.0.1;Port={postgresPort.Property(EndpointProperty.Port)};Username=nova;Password={password}"))
            .WithIconName("Database").WithParentRelationship(infra).WaitFor(infra);
        var redis = builder.AddConnectionString("redis", ReferenceExpression.Create($"127.0.0.1:{redisPort.Property(EndpointProperty.Port)}"))
            .WithIconName("Memory").WithParentRelationship(infra).WaitFor(infra);
        return new(Database("streams", "streams"), Database("telemetry-db", "telemetry"), redis);

        static ReferenceExpression Postgres(in ReferenceExpression.ExpressionInterpolatedStringHandler text) => ReferenceExpression.Create(text);

        IResourceBuilder<IResourceWithConnectionString> Database(string name, string database) => builder.AddConnectionString(
            name, ReferenceExpression.Create($"{postgres};Database={database}")).WithIconName("Database").WithParentRelationship(postgres).WaitFor(infra);
    }

    /// <summary>A first line in the console log that the dashboard shows for the resource.</summary>
    private static IResourceBuilder<T> LogAtStart<T>(this IResourceBuilder<T> resource, string line)
        where T : IResource =>
        resource.OnBeforeResourceStarted((started, startEvent, _) =>
        {
            startEvent.Services.GetRequiredService<ResourceLoggerService>().GetLogger(started).LogInformation("{Line}", line);
            return Task.CompletedTask;
        });
}
