using k8s;
using k8s.Models;

namespace Nova.AppHost.Tests.Deployment;

/// <summary>
/// <c>deploy/kubernetes</c>, read by Kubernetes' own client, which refuses a field that does not exist. No cluster runs it here: what its parts must say of
/// each other is checked instead.
/// </summary>
public sealed class KubernetesTests
{
    private static readonly string[] Services = ["gateway", "stream-state", "telemetry"];

    private static readonly string Folder = Path.Combine(Command.Root, "deploy", "kubernetes");

    private static readonly IReadOnlyList<object> Objects =
    [
        .. Directory.EnumerateFiles(Folder, "*.yaml").Where(file => Path.GetFileName(file) != "kustomization.yaml").Order()
            .SelectMany(file => KubernetesYaml.LoadAllFromString(File.ReadAllText(file), typeMap: null, strict: true)),
    ];

    public static TheoryData<string> Names => [.. Services];

    [Fact]
    public void Kustomization_ListsEveryFile()
    {
        var text = File.ReadAllText(Path.Combine(Folder, "kustomization.yaml"));
        Assert.All(
            Directory.EnumerateFiles(Folder, "*.yaml").Select(Path.GetFileName).Where(name => name != "kustomization.yaml"),
            name => Assert.Contains($"  - {name}\n", text));
        Assert.All(Services, service => Assert.Contains($"name: nova-{service},", text));
    }

    [Fact]
    public void EveryObject_IsOfTheNamespace() =>
        Assert.All(Objects.OfType<IMetadata<V1ObjectMeta>>().Where(item => item is not V1Namespace), item => Assert.Equal("nova", item.Metadata.NamespaceProperty));

    [Theory]
    [MemberData(nameof(Names))]
    public void Service_IsFoundByItsServiceBudgetAndPolicy(string name)
    {
        var pod = Deployment(name).Spec.Template;
        var port = Assert.Single(pod.Spec.Containers[0].Ports);
        Assert.Equal(("http", 8080), (port.Name, port.ContainerPort));
        var service = Object<V1Service>(name);
        Assert.Equal(port.Name, Assert.Single(service.Spec.Ports).TargetPort.Value);
        IDictionary<string, string>[] selectors =
        [
            Deployment(name).Spec.Selector.MatchLabels, service.Spec.Selector, Object<V1PodDisruptionBudget>(name).Spec.Selector.MatchLabels,
            Object<V1NetworkPolicy>(name).Spec.PodSelector.MatchLabels,
        ];
        Assert.All(selectors, selector => Assert.Equal(pod.Metadata.Labels, selector));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Service_HasProbes_RunsWithoutRights_AndHasTimeToStop(string name)
    {
        var pod = Deployment(name).Spec.Template.Spec;
        var container = Assert.Single(pod.Containers);
        Assert.Equal(
            ("/alive", "/health", "/alive"),
            (container.StartupProbe.HttpGet.Path, container.ReadinessProbe.HttpGet.Path, container.LivenessProbe.HttpGet.Path));
        Assert.True(pod.SecurityContext.RunAsNonRoot);
        Assert.True(container.SecurityContext is { ReadOnlyRootFilesystem: true, AllowPrivilegeEscalation: false });
        Assert.Equal(["ALL"], container.SecurityContext.Capabilities.Drop);
        Assert.True(pod.TerminationGracePeriodSeconds >= container.Lifecycle.PreStop.Sleep.Seconds + (name == "gateway" ? 31 : 15));
    }

    [Fact]
    public void Gateway_IsScaledOnOpenSockets()
    {
        var scaler = Object<V2HorizontalPodAutoscaler>("gateway");
        Assert.Equal(("Deployment", "gateway"), (scaler.Spec.ScaleTargetRef.Kind, scaler.Spec.ScaleTargetRef.Name));
        Assert.Equal(2, scaler.Spec.MinReplicas);
        Assert.Contains(scaler.Spec.Metrics, metric => metric.Pods?.Metric.Name == "nova_gateway_connections");
        Assert.Null(Deployment("gateway").Spec.Replicas); // It would undo what the scaler did, at each apply.
    }

    [Theory]
    [InlineData("gateway")]
    [InlineData("stream-state", "gateway", "telemetry")]
    [InlineData("telemetry", "gateway")]
    [InlineData("redis", "gateway", "stream-state")]
    [InlineData("postgres", "stream-state", "telemetry")]
    public void Pod_IsReachedByWhoUsesIt_AndNobodyElse(string name, params string[] from)
    {
        var policy = Object<V1NetworkPolicy>(name);
        var peers = Assert.Single(policy.Spec.Ingress).FromProperty;
        Assert.Equal(from, peers.Where(peer => peer.PodSelector is not null).Select(peer => peer.PodSelector.MatchLabels["app"]));
        Assert.Equal(name == "gateway" ? 1 : 0, peers.Count(peer => peer.NamespaceSelector is not null));
        Assert.Empty(Object<V1NetworkPolicy>("nobody").Spec.PodSelector.MatchLabels ?? new Dictionary<string, string>());
    }

    /// <summary>The Compose file is what runs in a test, so that the same names are known to be read.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Environment_IsTheComposeFiles(string name)
    {
        var container = Deployment(name).Spec.Template.Spec.Containers[0];
        var settings = Objects.OfType<V1ConfigMap>().Single(map => map.Metadata.Name == container.EnvFrom.Single().ConfigMapRef.Name);
        Assert.Equal(
            ComposeFile.Environment(name).Order(),
            container.Env.Select(variable => variable.Name).Except(["POSTGRES_PASSWORD", "Gateway__DrainDelay"]).Concat(settings.Data.Keys).Order());
    }

    [Fact]
    public void Secrets_AreReferences()
    {
        var variables = Objects.OfType<V1Deployment>().SelectMany(deployment => deployment.Spec.Template.Spec.Containers)
            .Concat(Objects.OfType<V1StatefulSet>().SelectMany(set => set.Spec.Template.Spec.Containers)).SelectMany(container => container.Env ?? []);
        Assert.All(
            variables.Where(variable => variable.Name.EndsWith("Key", StringComparison.Ordinal) || variable.Name.EndsWith("__Value", StringComparison.Ordinal) || variable.Name.EndsWith("PASSWORD", StringComparison.Ordinal)),
            variable => Assert.Equal("nova", variable.ValueFrom?.SecretKeyRef?.Name));
        Assert.Empty(Objects.OfType<V1Secret>());
    }

    private static V1Deployment Deployment(string name) => Object<V1Deployment>(name);

    private static T Object<T>(string name)
        where T : IMetadata<V1ObjectMeta> =>
        Objects.OfType<T>().Single(item => item.Metadata.Name == name);
}
