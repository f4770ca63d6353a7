namespace Nova.AppHost;

/// <summary>The two databases and Redis, as containers, local processes or Azure services.</summary>
internal sealed record BackingServices(
    IResourceBuilder<IResourceWithConnectionString> Streams,
    IResourceBuilder<IResourceWithConnectionString> Telemetry,
    IResourceBuilder<IResourceWithConnectionString> Redis);

internal static class BackingServicesExtensions
{
    /// <summary>
    /// Adds containers. If <c>Nova:Infrastructure</c> is <c>Local</c> (launch profile <c>no-containers</c>), adds processes on this machine. With
    /// UseAzure, publishing replaces the containers with Azure's managed services.
    /// </summary>
    public static BackingServices AddBackingServices(this IDistributedApplicationBuilder builder)
    {
        if (builder.ExecutionContext.IsRunMode && builder.Configuration["Nova:Infrastructure"] == "Local")
        {
            return builder.AddLocalInfra();
        }

#if AZURE
        return builder.AddAzureBackingServices();
#else
        return builder.AddContainers();
#endif
    }

    private static BackingServices AddContainers(this IDistributedApplicationBuilder builder)
    {
        var postgres = builder.AddPostgres("postgres").WithDataVolume("nova-postgres");
        var redis = builder.AddRedis("redis");
        if (builder.ExecutionContext.IsRunMode)
        {
            postgres.WithLifetime(ContainerLifetime.Persistent).WithPgWeb();
            redis.WithLifetime(ContainerLifetime.Persistent).WithRedisInsight();
        }

        return new(postgres.AddDatabase("streams"), postgres.AddDatabase("telemetry-db", "telemetry"), redis);
    }

    /// <summary>Adds the servers that Nova.Standalone uses, as one resource, for machines without a container engine.</summary>
    private static BackingServices AddLocalInfra(this IDistributedApplicationBuilder builder)
    {
        var password = builder.AddParameter("postgres-password", new GenerateParameterDefault { MinLength = 22, Special = false }, secret: true, persist: true);
        var infra = builder.AddProject<Projects.Nova_LocalInfra>("local-infra")
            .WithEndpoint(name: "postgres", scheme: "tcp", env: "LocalInfra__PostgresPort", isProxied: false, port: FreePort())
            .WithEndpoint(name: "redis", scheme: "tcp", env: "LocalInfra__RedisPort", isProxied: false, port: FreePort())
            .WithEnvironment("LocalInfra__PostgresPassword", password)
            .WithEnvironment("LocalInfra__DataFolder", builder.Configuration["Nova:DataFolder"] ?? Path.Combine(builder.AppHostDirectory, ".nova"))
            .WithHttpHealthCheck("/health");
        var (postgres, redis) = (infra.GetEndpoint("postgres"), infra.GetEndpoint("redis"));

        return new(
            Database("streams", "streams"),
            Database("telemetry-db", "telemetry"),
            builder.AddConnectionString("redis", ReferenceExpression.Create($"127.0.0.1:{redis.Property(EndpointProperty.Port)}")).WaitFor(infra));

        IResourceBuilder<IResourceWithConnectionString> Database(string name, string database) => builder.AddConnectionString(
            name,
            ReferenceExpression.Create(
                $"Host=127.0.0.1;Port={postgres.Property(EndpointProperty.Port)};Username=nova;Password={password};Database={database}")).WaitFor(infra);
    }

    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }
}
