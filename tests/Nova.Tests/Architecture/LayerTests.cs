using ArchUnitNET.Domain;
using ArchUnitNET.Fluent;
using ArchUnitNET.Loader;
using Nova.Gateway;
using Nova.StreamState;
using Nova.Telemetry;
using static ArchUnitNET.Fluent.ArchRuleDefinition;

namespace Nova.Tests.Architecture;

/// <summary>DESIGN.md 8: each folder knows only those below it. The projects' own references say which service knows which.</summary>
public sealed class LayerTests
{
    /// <summary>From the lowest to the highest; folders of one line do not know each other.</summary>
    private static readonly string[][] GatewayLayers =
    [
        ["WebSockets"], ["Frames"], ["Viewers"], ["Fanout"], ["Feed"], ["Presence", "Issues"], ["Admission"], ["Proxy", "Draining", "Development", "Http"],
    ];

    private static readonly string[][] StreamStateLayers = [["Timeline", "Retention"], ["Presence"], ["Outbox"], ["Streams"], ["Ingest"]];

    private static readonly string[][] TelemetryLayers = [["Timeline", "Retention"], ["Access"], ["Issues"], ["Quality"], ["Summaries", "Feed"]];

    [Fact]
    public void Gateway_EachLayer_KnowsOnlyThoseBelow() => AssertLayers(typeof(GatewayService).Assembly, "Nova.Gateway", GatewayLayers);

    [Fact]
    public void StreamState_EachLayer_KnowsOnlyThoseBelow() => AssertLayers(typeof(StreamStateService).Assembly, "Nova.StreamState", StreamStateLayers);

    [Fact]
    public void Telemetry_EachLayer_KnowsOnlyThoseBelow() => AssertLayers(typeof(TelemetryService).Assembly, "Nova.Telemetry", TelemetryLayers);

    private static void AssertLayers(System.Reflection.Assembly assembly, string root, string[][] layers)
    {
        var architecture = new ArchLoader().LoadAssembly(assembly).Build();
        List<string> violations = [];
        for (var level = 0; level < layers.Length; level++)
        {
            foreach (var folder in layers[level])
            {
                string[] forbidden = [.. layers[level].Where(other => other != folder), .. layers.Skip(level + 1).SelectMany(higher => higher)];
                violations.AddRange(forbidden.SelectMany(other => Violations(architecture, $"{root}.{folder}", $"{root}.{other}")));
            }
        }

        Assert.Empty(violations);
    }

    private static IEnumerable<string> Violations(ArchUnitNET.Domain.Architecture architecture, string from, string to)
    {
        IArchRule rule = Types().That().ResideInNamespace(from).Should().NotDependOnAny(Types().That().ResideInNamespace(to)).WithoutRequiringPositiveResults();
        return rule.Evaluate(architecture).Where(result => !result.Passed).Select(result => result.Description);
    }
}
