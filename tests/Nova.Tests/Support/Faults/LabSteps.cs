using System.Diagnostics;
using System.Globalization;
using System.Net;
using Nova.Protocol;
using Nova.Tests.Protocol.Conformance;

namespace Nova.Tests.Support.Faults;

/// <summary>What tests of several faults do.</summary>
internal static class LabSteps
{
    /// <summary>More at once would measure the test's own queue.</summary>
    private const int AtOnce = 16;

    /// <summary>Live streams, each of a broadcaster of its own.</summary>
    public static async Task<IReadOnlyList<TestStream>> StartStreamsAsync(this FaultLab lab, int count)
    {
        var streams = new TestStream[count];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (index, _) =>
            streams[index] = await lab.Api.StartStreamAsync());
        return streams;
    }

    /// <summary>A viewer of each stream, on the gateways in turn, which is counted.</summary>
    public static async Task<IReadOnlyList<Viewer>> WatchAsync(this FaultLab lab, IReadOnlyList<TestStream> streams)
    {
        List<Viewer> viewers = [];
        foreach (var (index, stream) in streams.Index())
        {
            viewers.Add(await stream.WatchAsync(index % lab.Gateways.Count));
        }

        await Task.WhenAll(viewers.Select(viewer => viewer.WaitForAsync(EventNames.ViewerCountChanged)));
        return viewers;
    }

    /// <summary>The same stream, changed through another API.</summary>
    public static TestStream Through(this TestStream stream, Api api) => new(api, stream.Id, stream.Broadcaster, stream.Token);

    public static Task<Call> ChangeAsync(this TestStream stream, int kbps) => CallAsync(stream, "quality", RuleSteps.Quality("720p", kbps));

    public static Task<Call> BitrateAsync(this TestStream stream, int kbps) => CallAsync(stream, "bitrate", $$"""{"current_bitrate_kbps":{{kbps}}}""");

    public static Task<Call> HeartbeatAsync(this TestStream stream) => CallAsync(stream, "heartbeat", null);

    public static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    /// <summary>The call's outcome, whatever it is; status 0 where no answer came.</summary>
    private static async Task<Call> CallAsync(TestStream stream, string call, string? body)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            var answer = await stream.TryPostAsync(call, body);
            return new Call(answer.Status, Stopwatch.GetElapsedTime(started));
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException)
        {
            return new Call(0, Stopwatch.GetElapsedTime(started));
        }
    }
}

internal sealed record Call(HttpStatusCode Status, TimeSpan Took)
{
    public bool IsSuccess => (int)Status is >= 200 and < 300;

    /// <summary>Statuses and times of many calls, for a person to read.</summary>
    public static string Report(IReadOnlyList<Call> calls)
    {
        var statuses = calls.CountBy(call => (int)call.Status).OrderBy(status => status.Key).Select(status => $"{status.Value} x {status.Key}");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{string.Join(", ", statuses)}; median {Percentile(calls, 50):F0} ms, p95 {Percentile(calls, 95):F0} ms, slowest {Percentile(calls, 100):F0} ms");
    }

    /// <returns>Milliseconds.</returns>
    public static double Percentile(IReadOnlyList<Call> calls, int percent)
    {
        var sorted = calls.Select(call => call.Took.TotalMilliseconds).Order().ToList();
        return sorted[Math.Min(sorted.Count - 1, sorted.Count * percent / 100)];
    }
}
