using System.Diagnostics;
using Nova.Protocol;
using Nova.Tests.Support;
using Nova.Tests.SystemTests;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>R47 is of an idle machine: it runs alone, after the parallel tests.</summary>
[Collection(nameof(Alone))]
public sealed class ViewerCountDelayRuleTests(NovaFixture nova, ITestOutputHelper output) : RuleTests(nova)
{
    private const int Joins = 40;

    [Fact]
    public async Task R47_Count_IsToldAfterABatchsDelay()
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
        delays.Sort();
        var (p50, p99) = (RuleSteps.Median(delays), delays[Joins * 99 / 100 - 1]);
        output.WriteLine($"From 101 to the count at another viewer, {Joins} joins: p50 {p50:F0} ms, p99 {p99:F0} ms");
        Assert.InRange(p50, 10, 150);
        Assert.InRange(p99, 0, 300 + RuleSteps.Tolerance.TotalMilliseconds);
    }
}
