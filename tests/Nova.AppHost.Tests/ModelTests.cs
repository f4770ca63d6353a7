#pragma warning disable ASPIREPROBES001 // Probes are what is tested.

using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Nova.AppHost.Tests;

/// <summary>The model as written, without starting anything.</summary>
public sealed class ModelTests
{
    private static readonly string[] Publish = ["--publisher", "manifest", "--output-path", "unused.json"];

    [Fact]
    public async Task Run_WithContainers_HasEveryResourceAndItsToolsForPeople()
    {
        var model = await ModelAsync("--Nova:Infrastructure=Containers");
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
    [InlineData("stream-state", 2, false)]
    [InlineData("telemetry", 2, false)]
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

    [Fact]
    public async Task Gateway_InTheDashboard_HasCommands_AndPublishedNone()
    {
        string[] commands = ["change-quality", "create-token", "end-broadcast", "kick-viewer", "show-curl", "start-broadcast"];
        Assert.Equal(commands, Commands(await ModelAsync()).Intersect(commands).Order());
        Assert.Empty(Commands(await ModelAsync(Publish)).Intersect(commands));

        static IEnumerable<string> Commands(DistributedApplicationModel model) =>
            Resource(model, "gateway").Annotations.OfType<ResourceCommandAnnotation>().Select(command => command.Name);
    }

    /// <summary>The dashboard's dialog fails where its first input is a choice.</summary>
    [Fact]
    public async Task Command_WithArguments_BeginsWithAText()
    {
        var commands = Resource(await ModelAsync(), "gateway").Annotations.OfType<ResourceCommandAnnotation>().Where(command => command.Arguments.Count > 0).ToList();
        Assert.True(commands.Count >= 5);
        Assert.All(commands, command => Assert.Equal(InputType.Text, command.Arguments[0].InputType));
    }

    [Theory]
    [InlineData("gateway")]
    [InlineData("stream-state")]
    [InlineData("telemetry")]
    public async Task Service_WhenPublished_HasBothProbes_AndTrustsNoForwardedHeaders(string service)
    {
        var resource = Resource(await ModelAsync(Publish), service);
        Assert.Equal(
            [(ProbeType.Readiness, "/health"), (ProbeType.Liveness, "/alive")],
            resource.Annotations.OfType<EndpointProbeAnnotation>().Select(probe => (probe.Type, probe.Path)));
        Assert.Contains(resource.Annotations, annotation => annotation.GetType().Name == "DisableForwardedHeadersAnnotation");
    }

    [Theory]
    [InlineData("streams", "postgres")]
    [InlineData("telemetry-db", "postgres")]
    [InlineData("postgres", "local-infra")]
    [InlineData("redis", "local-infra")]
    public async Task Resource_OfTheLocalServers_StandsUnderItsParent(string child, string parent)
    {
        var relations = Resource(await ModelAsync("--Nova:Infrastructure=Local"), child).Annotations.OfType<ResourceRelationshipAnnotation>();
        Assert.Contains(relations, relation => relation.Type == "Parent" && relation.Resource.Name == parent);
    }

    [Fact]
    public async Task Demo_IsThereInRunModeOnly_AndStartsByHandWhereWanted()
    {
        Assert.DoesNotContain((await ModelAsync(Publish)).Resources, resource => resource.Name == "demo");
        Assert.DoesNotContain(Resource(await ModelAsync(), "demo").Annotations, annotation => annotation is ExplicitStartupAnnotation);
        Assert.Contains(Resource(await ModelAsync("--Nova:Demo=Manual"), "demo").Annotations, annotation => annotation is ExplicitStartupAnnotation);
    }

    [Fact]
    public async Task Ports_OfTwoCopies_AreNotTheSame()
    {
        foreach (var name in new[] { "stream-state", "telemetry", "local-infra", "demo" })
        {
            var http = Resource(await ModelAsync("--Nova:Infrastructure=Local"), name).Annotations.OfType<EndpointAnnotation>().Single(endpoint => endpoint.Name == "http");
            Assert.Null(http.Port);
        }
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

    private static async Task<IDistributedApplicationTestingBuilder> CreateAsync(params string[] arguments)
    {
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.Nova_AppHost>(arguments, TestContext.Current.CancellationToken);

        // An application that was never started sometimes does not end by itself: three tests of 27 waited for 30 s.
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(1));
        return builder;
    }

    private static IResource Resource(DistributedApplicationModel model, string name) => model.Resources.Single(resource => resource.Name == name);

    private static IEnumerable<IResource> Waits(DistributedApplicationModel model, string name, bool deep)
    {
        var direct = Resource(model, name).Annotations.OfType<WaitAnnotation>().Select(wait => wait.Resource);
        return deep ? direct.SelectMany(resource => Waits(model, resource.Name, deep).Append(resource)) : direct;
    }
}
