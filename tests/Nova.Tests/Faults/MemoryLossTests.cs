using System.Diagnostics;
using System.Net.Sockets;
using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.Tests.Protocol.Conformance;
using Nova.Tests.Support;
using Nova.Tests.Support.Faults;
using static Nova.Tests.Support.Faults.LabSteps;

namespace Nova.Tests.Faults;

/// <summary>A server forgets what it can: Redis everything (F22), PostgreSQL what was not committed (F27, F28).</summary>
[Collection(nameof(FaultCollection))]
public sealed class MemoryLossTests(FaultLabFixture labs)
{
    private const int Streams = 4;

    private static readonly TimeSpan CountLimit = Seconds(15);

    [Fact]
    public async Task RedisForgetsEverything_Counts_AreExactAgain()
    {
        var lab = await labs.HealthyLabAsync();
        var stream = await lab.Api.StartStreamAsync();
        var viewers = await lab.WatchTogetherAsync(stream, 5);
        var fault = Stopwatch.GetTimestamp();
        await lab.Redis.ExecuteAsync("FLUSHALL");
        await Eventually.TrueAsync(() => IsCountedByAllAsync(lab, stream), "every gateway has reported its viewers again", CountLimit);
        Note($"Reported by all after {Stopwatch.GetElapsedTime(fault).TotalSeconds:F1} s.");

        // A newcomer shows that the sum is right, to each of those who were there.
        viewers.Add(await stream.WatchAsync());
        await Task.WhenAll(viewers.Select(viewer => viewer.WaitForViewersAsync(6)));
        var answer = await stream.GetAsync();
        Assert.Equal((6, 6), (answer.Number("viewer_count"), answer.Number("peak_viewers")));
        Assert.All(
            viewers.SelectMany(viewer => viewer.All(EventNames.ViewerCountChanged)), count => Assert.InRange(count.Number("viewer_count"), 1, 6));
        await viewers.DisposeAllAsync();
    }

    [Fact]
    public async Task PostgresIsKilledUnderChanges_WhatWasAcknowledged_IsKeptAndTold()
    {
        var lab = await labs.HealthyLabAsync();
        var streams = await lab.StartStreamsAsync(Streams);
        var viewers = await lab.WatchAsync(streams);
        var probe = await lab.Api.StartStreamAsync();
        using var stop = new CancellationTokenSource();
        var publishing = streams.Select(stream => PublishAsync(stream, stop.Token)).ToList();
        await Task.Delay(Seconds(1));
        lab.Postgres.Kill();
        await Task.Delay(Seconds(1));
        await lab.Postgres.StartAsync();
        var restarted = DateTimeOffset.UtcNow;
        await Eventually.TrueAsync(async () => (await probe.ChangeAsync(NextKbps())).IsSuccess, "changes are possible again");
        await Task.Delay(Seconds(1));
        await stop.CancelAsync();
        var published = await Task.WhenAll(publishing);

        foreach (var (index, answers) in published.Index())
        {
            AssertConsecutive(answers);
            Assert.Contains(answers, answer => answer.Version > 0 && answer.At > restarted);
            var last = answers.Last(answer => answer.Version > 0);
            Assert.True(await viewers[index].SeesAsync(last.Kbps, Seconds(5)), "The last change did not arrive.");
            var told = viewers[index].All(EventNames.QualityChanged).Select(frame => frame.Number("new_bitrate_kbps")).ToList();
            Assert.Equal(told.Distinct(), told);
            Assert.Empty(answers.Where(answer => answer.Version > 0).Select(answer => answer.Kbps).Except(told));
        }
    }

    /// <summary>The sum in Redis counts each gateway, and viewers and publishers get the same.</summary>
    private static async Task<bool> IsCountedByAllAsync(FaultLab lab, TestStream stream)
    {
        var fields = (string[])(await lab.Redis.ExecuteAsync("HKEYS", LiveKeys.Stream(Guid.Parse(stream.Id))))!;
        return fields.Count(field => field.StartsWith("viewers:", StringComparison.Ordinal)) == lab.Gateways.Count
            && (await stream.GetAsync()).Number("viewer_count") == 5;
    }

    /// <summary>Changes the stream, one change after the other. Version 0 stands for no answer or a refusal.</summary>
    private static async Task<IReadOnlyList<Published>> PublishAsync(TestStream stream, CancellationToken stop)
    {
        List<Published> answers = [];
        while (!stop.IsCancellationRequested)
        {
            var kbps = NextKbps();
            try
            {
                var answer = await stream.TryPostAsync("quality", RuleSteps.Quality("720p", kbps));
                answers.Add(new Published(kbps, (int)answer.Status == 200 ? answer.Number("version") : 0, DateTimeOffset.UtcNow));
            }
            catch (Exception exception) when (exception is HttpRequestException or SocketException or TaskCanceledException)
            {
                answers.Add(new Published(kbps, 0, DateTimeOffset.UtcNow));
            }

            await Task.Delay(50, CancellationToken.None);
        }

        return answers;
    }

    /// <summary>Each acknowledged change is one version on; one that got no answer may have happened or not.</summary>
    private static void AssertConsecutive(IReadOnlyList<Published> answers)
    {
        var (version, unknown) = (0, 0);
        foreach (var answer in answers)
        {
            if (answer.Version == 0)
            {
                unknown++;
            }
            else
            {
                Assert.True(
                    version == 0 || (answer.Version > version && answer.Version <= version + 1 + unknown),
                    $"Version {answer.Version} came after {version} with {unknown} unknown changes between them.");
                (version, unknown) = (answer.Version, 0);
            }
        }
    }

    private sealed record Published(int Kbps, int Version, DateTimeOffset At);
}
