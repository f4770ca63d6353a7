using Nova.AppHost;

var builder = DistributedApplication.CreateBuilder(args);
builder.AddPublishTarget();

var backing = builder.AddBackingServices();
var secrets = builder.AddSecrets();

var streamState = builder.AddProject<Projects.Nova_StreamState>("stream-state")
    .WithReference(backing.Streams, "streams").WaitFor(backing.Streams)
    .WithReference(backing.Redis, "redis").WaitFor(backing.Redis)
    .WithSecrets(secrets)
    .WithHttpHealthCheck("/health")
    .WithUrlForEndpoint("http", url => (url.DisplayText, url.Url) = ("OpenAPI", "/openapi/v1.json"));

var telemetry = builder.AddProject<Projects.Nova_Telemetry>("telemetry")
    .WithReference(backing.Telemetry, "telemetry").WaitFor(backing.Telemetry)
    .WithSecrets(secrets)
    .WithHttpHealthCheck("/health");

builder.AddProject<Projects.Nova_Gateway>("gateway")
    .WithReplicas(2)
    .WithExternalHttpEndpoints()
    .DisableForwardedHeaders() // Aspire's default trusts every sender; the gateway trusts Gateway:KnownProxies only.
    .WithReference(backing.Redis, "redis").WaitFor(backing.Redis)
    .WithReference(streamState).WaitFor(streamState)
    .WithReference(telemetry).WaitFor(telemetry)
    .WithSecrets(secrets)
    .WithHttpHealthCheck("/health")
    .WithUrlForEndpoint("http", url => url.DisplayText = "Web console")
    .WithDemoCommands()
    .PublishForViewers();

streamState.WithDemoCommands();

builder.Build().Run();
