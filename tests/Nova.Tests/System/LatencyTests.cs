using System.Diagnostics;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.SystemTests;

/// <summary>Runs alone, after the parallel tests: a measurement beside others measures the others.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

[Collection(nameof(Alone))]
public sealed class LatencyTests(NovaFixture nova, ITestOutputHelper output)
{
    private const int Samples = 200;

    /// <summary>Commit, relay, Redis and fan-out included, to viewers on both gateways.</summary>
    [Fact]
    public async Task QualityChange_FromPostToViewers_TakesLessThanTwentyMilliseconds()
    {
        var stream = await nova.Api.StartStreamAsync();
        await using var one = await stream.WatchAsync(gateway: 0);
        await using var two = await stream.WatchAsync(gateway: 1);
        List<double> milliseconds = [];
        for (var i = 1; i <= Samples; i++)
        {
            var sent = Stopwatch.GetTimestamp();
            await stream.PostAsync("quality", $$"""{"new_quality":"720p","new_bitrate_kbps":{{i}},"reason":"adaptive_bitrate"}""");
            foreach (var viewer in new[] { one, two })
            {
                var frame = await viewer.WaitForAsync(EventNames.QualityChanged, change => change.GetProperty("new_bitrate_kbps").GetInt32() == i);
                milliseconds.Add(Stopwatch.GetElapsedTime(sent, frame.ReceivedAt).TotalMilliseconds);
            }
        }

        milliseconds.Sort();
        var (p50, p99) = (milliseconds[milliseconds.Count / 2], milliseconds[milliseconds.Count * 99 / 100]);
        output.WriteLine($"POST quality to two viewers on two gateways, {Samples} times: p50 {p50:F1} ms, p99 {p99:F1} ms, max {milliseconds[^1]:F1} ms");
        Assert.InRange(p50, 0, 20);
    }
}
