using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Nova.AppHost.Tests;
using Nova.TestSupport;

[assembly: AssemblyFixture(typeof(NovaApplication))]

namespace Nova.AppHost.Tests;

/// <summary>
/// The whole application as the AppHost starts it, once for all tests: two replicas of every service, so that two migrate each database at once. With
/// containers where <c>NOVA_TEST_CONTAINERS</c> is <c>true</c>, else with Nova.LocalInfra. Its telemetry goes to <see cref="Traces"/>.
/// </summary>
public sealed class NovaApplication : IAsyncLifetime
{
    public static readonly string[] Services = ["stream-state", "telemetry", "gateway"];

    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(3);

    /// <summary>PostgreSQL's, while a test stops it.</summary>
    private static readonly string Volume = $"nova-test-{Environment.ProcessId}";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nova-apphost-");
    private DistributedApplication _app = null!;
    private IDisposable _turn = null!;

    public static bool HasContainers => Environment.GetEnvironmentVariable("NOVA_TEST_CONTAINERS") == "true";

    public TraceCollector Traces { get; private set; } = null!;

    public GatewayApi Api { get; private set; } = null!;

    public ResourceCommandService Commands => _app.ResourceCommands;

    /// <summary>What holds PostgreSQL, and what holds Redis.</summary>
    public static (string Postgres, string Redis) Servers => HasContainers ? ("postgres", "redis") : ("local-infra", "local-infra");

    public async ValueTask InitializeAsync()
    {
        _turn = await OneAtATime.EnterAsync();
        if (!OperatingSystem.IsWindows())
        {
            _folder.UnixFileMode |= UnixFileMode.OtherExecute; // Root's tests have their PostgreSQL run by another account.
        }

        Traces = await TraceCollector.StartAsync();
        string[] infrastructure = HasContainers
            ? ["--Nova:Infrastructure=Containers"]
            : ["--Nova:Infrastructure=Local", $"--Nova:DataFolder={_folder.FullName}", "--Parameters:postgres-password=only-for-this-test"];
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.Nova_AppHost>(
            [.. infrastructure, "--Nova:Replicas=2", "--Nova:Demo=Manual"]);
        builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Warning));
        Traces.Receive(builder);
        KeepNothing(builder);
        _app = await builder.BuildAsync();
        using var timeout = new CancellationTokenSource(StartTimeout);
        await _app.StartAsync(timeout.Token);
        foreach (var service in Services)
        {
            await WaitUntilHealthyAsync(service);
        }

        Api = new GatewayApi(_app.GetEndpoint("gateway", "http"));
    }

    public Uri Address(string service) => _app.GetEndpoint(service, "http");

    /// <summary>The ids of a resource's replicas.</summary>
    public async Task<IReadOnlyList<string>> InstancesAsync(string resource, int count)
    {
        HashSet<string> instances = [];
        using var timeout = new CancellationTokenSource(StartTimeout);
        await foreach (var change in _app.ResourceNotifications.WatchAsync(timeout.Token))
        {
            if (change.Resource.Name == resource && instances.Add(change.ResourceId) && instances.Count == count)
            {
                break;
            }
        }

        return [.. instances.Order()];
    }

    public async Task StopAsync(string instance)
    {
        await RunAsync(instance, KnownResourceCommands.StopCommand);
        await WaitAsync(instance, snapshot => KnownResourceStates.TerminalStates.Contains(snapshot.State?.Text));
    }

    public async Task StartAsync(string instance)
    {
        await RunAsync(instance, KnownResourceCommands.StartCommand);
        await WaitUntilHealthyAsync(instance);
    }

    /// <param name="resource">Name of a resource, or id of one of its replicas.</param>
    public Task WaitUntilHealthyAsync(string resource) =>
        WaitAsync(resource, snapshot => snapshot is { State.Text: "Running", HealthStatus: HealthStatus.Healthy });

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        if (HasContainers)
        {
            (await Command.RunAsync(Command.Root, "docker", "volume", "rm", Volume)).Succeeds();
        }

        await Traces.DisposeAsync();
        _folder.Delete(recursive: true);
        _turn.Dispose();
    }

    private async Task RunAsync(string instance, string command)
    {
        var result = await _app.ResourceCommands.ExecuteCommandAsync(instance, command);
        Assert.True(result.Success, $"{command} {instance}: {result.Message}");
    }

    /// <summary>Aspire's own wait knows names only, and any replica ends it.</summary>
    private async Task WaitAsync(string resource, Func<CustomResourceSnapshot, bool> isReached)
    {
        using var timeout = new CancellationTokenSource(StartTimeout);
        await foreach (var change in _app.ResourceNotifications.WatchAsync(timeout.Token))
        {
            if ((change.Resource.Name == resource || change.ResourceId == resource) && isReached(change.Snapshot))
            {
                return;
            }
        }
    }

    /// <summary>A developer's containers and their volume outlive the AppHost. A test's do not, and are not theirs.</summary>
    private static void KeepNothing(IDistributedApplicationTestingBuilder builder)
    {
        foreach (var resource in builder.Resources.ToList())
        {
            if (resource.Name.Contains("pgweb") || resource.Name.Contains("redisinsight"))
            {
                builder.Resources.Remove(resource);
                continue;
            }

            if (resource is ContainerResource container)
            {
                builder.CreateResourceBuilder(container).WithLifetime(ContainerLifetime.Session);
            }

            foreach (var mount in resource.Annotations.OfType<ContainerMountAnnotation>().Where(mount => mount.Type == ContainerMountType.Volume).ToList())
            {
                resource.Annotations.Remove(mount);
                resource.Annotations.Add(new ContainerMountAnnotation(Volume, mount.Target, ContainerMountType.Volume, mount.IsReadOnly));
            }
        }
    }
}
