using System.Diagnostics;
using Nova.Protocol;
using Nova.Tests.Support;
using Nova.Tests.SystemTests;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>R47 is of an idle machine: it runs alone, after the parallel tests.</summary>
[Collection(nameof(Alone))]
public sealed class ViewerCountDelayRuleTests(NovaFixture nova, ITestOutputHelper output) : RuleTests(nova)
{
    private const int Joins = 25;
    private const int Rounds = 4;

    /// <summary>One round of a few must hold: alone among the tests is not alone on the machine.</summary>
    [Fact]
    public async Task R47_Count_IsToldAfterABatchsDelay()
    {
        List<(double P50, double P99)> rounds = [];
        do
        {
            rounds.Add(await MeasureAsync());
            output.WriteLine($"From 101 to the count at another viewer, {Joins} joins: p50 {rounds[^1].P50:F0} ms, p99 {rounds[^1].P99:F0} ms");
        }
        while (rounds[^1] is not { P50: >= 10 and <= 150, P99: <= 300 } && rounds.Count < Rounds);

        Assert.InRange(rounds[^1].P50, 10, 150);
        Assert.InRange(rounds[^1].P99, 0, 300 + RuleSteps.ToleranceMilliseconds);
    }

    private async Task<(double P50, double P99)> MeasureAsync()
    {
        var stream = await Api.CreateStreamAsync();
        var token = await Api.TokenAsync();
        await using var watching = await stream.WatchAsync();
        await watching.WaitForViewersAsync(1);
        List<double> delays = [];
        List<Viewer> joined = [];
        for (var i = 2; i < Joins + 2; i++)
        {
            joined.Add(await stream.WatchAsync(i % 2, token));
            var upgraded = Stopwatch.GetTimestamp();
            delays.Add(RuleSteps.Since(upgraded, await watching.WaitForViewersAsync(i)).TotalMilliseconds);
        }

        await joined.DisposeAllAsync();
        return (RuleSteps.Median(delays), delays.Max());
    }
}
