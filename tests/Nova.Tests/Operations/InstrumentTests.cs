using System.Text.RegularExpressions;
using Nova.Tests.Contracts;
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
        Assert.Empty(named.Except(Instruments.Emitted().PrometheusNames));
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

    [GeneratedRegex(@"\bnova_[a-z0-9_]+")]
    private static partial Regex InstrumentName();
}
