using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Nova.AppHost.Tests;

/// <summary>The model as written, without starting anything.</summary>
public sealed class ModelTests
{
    private static readonly string[] Publish = ["--publisher", "manifest", "--output-path", "unused.json"];

    [Fact]
    public async Task Run_WithContainers_HasEveryResourceAndItsToolsForPeople()
    {
        var model = await ModelAsync();
        Assert.Equal(
            ["gateway", "postgres", "redis", "stream-state", "streams", "telemetry", "telemetry-db"],
            model.Resources.Select(resource => resource.Name).Intersect(
                ["gateway", "postgres", "redis", "stream-state", "streams", "telemetry", "telemetry-db"]).Order());
        Assert.Contains(model.Resources, resource => resource.Name.Contains("pgweb"));
        Assert.Contains(model.Resources, resource => resource.Name.Contains("redisinsight"));
    }

    [Fact]
    public async Task Run_WithoutContainers_HasOneProcessInTheirPlace()
    {
        var model = await ModelAsync("--Nova:Infrastructure=Local");
        Assert.DoesNotContain(model.Resources, resource => resource is ContainerResource);
        var infra = Resource(model, "local-infra");
        foreach (var service in new[] { "stream-state", "telemetry", "gateway" })
        {
            Assert.Contains(infra, Waits(model, service, deep: true));
        }
    }

    [Fact]
    public async Task Publish_HasNoToolsForPeopleAndNoLocalProcess()
    {
        var model = await ModelAsync([.. Publish, "--Nova:Infrastructure=Local"]);
        Assert.DoesNotContain(model.Resources, resource => resource.Name.Contains("pgweb") || resource.Name.Contains("redisinsight") || resource.Name == "local-infra");
        Assert.IsType<ParameterResource>(Resource(model, "jwt-signing-key"));
        Assert.All(model.Resources.OfType<ParameterResource>(), parameter => Assert.True(parameter.Secret, parameter.Name));
    }

    [Theory]
    [InlineData("stream-state", "streams", "redis")]
    [InlineData("telemetry", "telemetry-db")]
    [InlineData("gateway", "redis", "stream-state", "telemetry")]
    public async Task Service_WaitsForWhatItUses(string service, params string[] used)
    {
        var model = await ModelAsync();
        Assert.Superset(used.Select(name => Resource(model, name)).ToHashSet(), Waits(model, service, deep: false).ToHashSet());
    }

    [Theory]
    [InlineData("stream-state", 1, false)]
    [InlineData("telemetry", 1, false)]
    [InlineData("gateway", 2, true)]
    public async Task Service_HasItsReplicasAndOnlyTheGatewayIsExternal(string service, int replicas, bool isExternal)
    {
        var resource = Resource(await ModelAsync(Publish), service);
        Assert.Equal(replicas, resource.Annotations.OfType<ReplicaAnnotation>().LastOrDefault()?.Replicas ?? 1);
        var endpoints = resource.Annotations.OfType<EndpointAnnotation>().ToList();
        Assert.NotEmpty(endpoints);
        Assert.All(endpoints, endpoint => Assert.Equal(isExternal, endpoint.IsExternal));
        Assert.Contains(resource.Annotations, annotation => annotation is HealthCheckAnnotation);
    }

    [Theory]
    [InlineData("gateway")]
    [InlineData("stream-state")]
    public async Task Service_InTheDashboard_HasTheDemoCommands(string service)
    {
        string[] commands = ["create-viewer-token", "end-demo", "start-demo"];
        Assert.Equal(commands, Commands(await ModelAsync()).Intersect(commands).Order());
        Assert.Empty(Commands(await ModelAsync(Publish)).Intersect(commands));

        IEnumerable<string> Commands(DistributedApplicationModel model) =>
            Resource(model, service).Annotations.OfType<ResourceCommandAnnotation>().Select(command => command.Name);
    }

    [Theory]
    [InlineData("stream-state", "ConnectionStrings__streams", "{streams.connectionString}")]
    [InlineData("stream-state", "ConnectionStrings__redis", "{redis.connectionString}")]
    [InlineData("telemetry", "ConnectionStrings__telemetry", "{telemetry-db.connectionString}")]
    [InlineData("gateway", "services__stream-state__http__0", "{stream-state.bindings.http.url}")]
    [InlineData("gateway", "services__telemetry__http__0", "{telemetry.bindings.http.url}")]
    [InlineData("gateway", "Authentication__Schemes__Bearer__SigningKeys__0__Value", "{jwt-signing-key.value}")]
    [InlineData("telemetry", "Internal__ApiKey", "{internal-api-key.value}")]
    public async Task Environment_WhenPublished_NamesWhereTheValueComesFrom(string service, string key, string expected)
    {
        await using var builder = await CreateAsync(Publish);
        await using var app = await builder.BuildAsync(TestContext.Current.CancellationToken);
        var resource = Resource(app.Services.GetRequiredService<DistributedApplicationModel>(), service);
        var configuration = await ExecutionConfigurationBuilder.Create(resource).WithEnvironmentVariablesConfig()
            .BuildAsync(app.Services.GetRequiredService<DistributedApplicationExecutionContext>(), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(expected, configuration.EnvironmentVariables.ToDictionary()[key]);
    }

    private static async Task<DistributedApplicationModel> ModelAsync(params string[] arguments)
    {
        await using var builder = await CreateAsync(arguments);
        await using var app = await builder.BuildAsync(TestContext.Current.CancellationToken);
        return app.Services.GetRequiredService<DistributedApplicationModel>();
    }

    private static Task<IDistributedApplicationTestingBuilder> CreateAsync(params string[] arguments) =>
        DistributedApplicationTestingBuilder.CreateAsync<Projects.Nova_AppHost>(arguments, TestContext.Current.CancellationToken);

    private static IResource Resource(DistributedApplicationModel model, string name) => model.Resources.Single(resource => resource.Name == name);

    private static IEnumerable<IResource> Waits(DistributedApplicationModel model, string name, bool deep)
    {
        var direct = Resource(model, name).Annotations.OfType<WaitAnnotation>().Select(wait => wait.Resource);
        return deep ? direct.SelectMany(resource => Waits(model, resource.Name, deep).Append(resource)) : direct;
    }
}
