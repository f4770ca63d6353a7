using System.Reflection;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>A rule's test that cannot fail proves nothing: each of these is run against a system that a saboteur makes break its rule.</summary>
public sealed class SabotageTests(NovaFixture nova, ITestOutputHelper output)
{
    public static TheoryData<string> Violations => [.. SabotageTable.Rows.Keys];

    [Theory]
    [MemberData(nameof(Violations))]
    public async Task RulesTest_OfABrokenRule_Fails(string violation)
    {
        var row = SabotageTable.Rows[violation];
        var failure = await Record.ExceptionAsync(() => RunAsync(nova, row.Test, row.Sabotage));
        Assert.True(failure is not null, $"{row.Test.Name} passed, though {violation[(violation.IndexOf(' ') + 1)..]}.");
        Assert.IsNotType<Xunit.Sdk.SkipException>(failure);
        output.WriteLine(failure.Message);
    }

    /// <summary>Runs a rule's test with saboteurs between its clients and both gateways.</summary>
    internal static async Task RunAsync(NovaFixture nova, MethodInfo test, Sabotage sabotage)
    {
        List<Saboteur> saboteurs = [.. nova.Stack.Gateways.Select(gateway => new Saboteur(gateway, sabotage))];
        try
        {
            var tests = (RuleTests)Activator.CreateInstance(test.DeclaringType!, nova)!;
            tests.Api = new Api(nova.Stack, [.. saboteurs.Select(saboteur => saboteur.Address)]);
            await (Task)test.Invoke(tests, null)!;
        }
        finally
        {
            foreach (var saboteur in saboteurs)
            {
                await saboteur.DisposeAsync();
            }
        }
    }
}

/// <summary>The control: the same tests through saboteurs that change nothing pass, so it is the sabotage that makes them fail.</summary>
public sealed class SabotageControlTests(NovaFixture nova)
{
    public static TheoryData<string> Tests => [.. SabotageTable.Rows.Values.Select(row => row.Test.Name).Distinct()];

    [Theory]
    [MemberData(nameof(Tests))]
    public Task RulesTest_WithNothingBroken_Passes(string test) =>
        SabotageTests.RunAsync(nova, SabotageTable.Rows.Values.First(row => row.Test.Name == test).Test, new Sabotage());
}
