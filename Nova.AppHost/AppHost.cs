using Nova.AppHost;

var builder = DistributedApplication.CreateBuilder(args);
if (!AppHostSettings.TryRead(builder, out var settings))
{
    return 1;
}

builder.AddPublishTarget();

var backing = builder.AddBackingServices(settings);
var secrets = builder.AddSecrets();

var streamState = builder.AddProject<Projects.Nova_StreamState>("stream-state")
    .WithIconName("VideoClip")
    .WithReplicas(settings.Replicas)
    .WithReference(backing.Streams, "streams").WaitFor(backing.Streams)
    .WithReference(backing.Redis, "redis").WaitFor(backing.Redis)
    .WithSecrets(secrets)
    .WithNovaDefaults()
    .WithUrlForEndpoint("http", url => (url.DisplayText, url.Url) = ("OpenAPI", "/openapi/v1.json"))
    .PublishForServices();

var telemetry = builder.AddProject<Projects.Nova_Telemetry>("telemetry")
    .WithIconName("PersonFeedback")
    .WithReplicas(settings.Replicas)
    .WithReference(backing.Telemetry, "telemetry").WaitFor(backing.Telemetry)
    .WithReference(streamState) // Asked again and again for what happened; it may come later.
    .WithSecrets(secrets)
    .WithNovaDefaults()
    .WithUrlForEndpoint("http", url => (url.DisplayText, url.Url) = ("OpenAPI", "/openapi/v1.json"))
    .PublishForServices();

var gateway = builder.AddProject<Projects.Nova_Gateway>("gateway")
    .WithIconName("PlugConnected")
    .WithReplicas(2)
    .WithExternalHttpEndpoints()
    .WithReference(backing.Redis, "redis").WaitFor(backing.Redis)
    .WithReference(streamState).WaitFor(streamState)
    .WithReference(telemetry).WaitFor(telemetry)
    .WithSecrets(secrets)
    .WithNovaDefaults(settings.GatewayPort)
    .WithUrlForEndpoint("http", url => url.DisplayText = "Web page (both gateways)")
    .WithStreamCommands()
    .PublishForViewers();

builder.AddDemo(settings, gateway);
builder.AddAnnouncement(settings, gateway);

builder.UseHttpWithoutCertificate();
builder.Build().Run();
return 0;
