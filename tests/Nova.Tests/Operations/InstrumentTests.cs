using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using Nova.Tests.Support;

namespace Nova.Tests.Operations;

/// <summary>Dashboards and alert rules name instruments that the services have, and the rules do what they say.</summary>
public sealed partial class InstrumentTests(NovaFixture nova)
{
    private static readonly string Folder = Path.Combine(Tools.Root, "docs", "operations");

    [Theory]
    [InlineData("nova-alerts.yml")]
    [InlineData("nova-alerts.test.yml")]
    [InlineData("nova-dashboard.json")]
    public void EveryInstrumentNamed_IsEmitted(string file)
    {
        Assert.NotNull(nova.Stack.Telemetry); // Started, so that all of its instruments are there.
        var named = InstrumentName().Matches(File.ReadAllText(Path.Combine(Folder, file))).Select(match => match.Value).Distinct().ToList();
        Assert.NotEmpty(named);
        Assert.Empty(named.Except(PrometheusNames()));
    }

    [Theory]
    [InlineData("check", "nova-alerts.yml")]
    [InlineData("test", "nova-alerts.test.yml")]
    public async Task Rules_PassPromtool(string verb, string file)
    {
        using var promtool = Tools.Start(Tools.Promtool, [verb, "rules", file], Folder);
        var output = await promtool.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken) + await promtool.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await promtool.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(promtool.ExitCode == 0, output);
    }

    /// <summary>As Prometheus names what comes by OTLP: unit and kind at the end.</summary>
    private static HashSet<string> PrometheusNames()
    {
        HashSet<string> names = [];
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (instrument.Meter.Name.StartsWith("Nova.", StringComparison.Ordinal))
            {
                var name = instrument.Name.Replace('.', '_') + instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
                var kind = instrument.GetType().Name;
                names.UnionWith(
                    kind.StartsWith("Histogram", StringComparison.Ordinal) ? [$"{name}_bucket", $"{name}_sum", $"{name}_count"]
                    : kind.StartsWith("Counter", StringComparison.Ordinal) || kind.StartsWith("ObservableCounter", StringComparison.Ordinal) ? [$"{name}_total"]
                    : [name]);
            }
        };
        listener.Start();
        return names;
    }

    [GeneratedRegex(@"\bnova_[a-z0-9_]+")]
    private static partial Regex InstrumentName();
}
