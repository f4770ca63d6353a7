using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Nova.Protocol;
using Nova.Tests.Protocol.Conformance;

namespace Nova.Tests.Support.Faults;

/// <summary>What tests of several faults do.</summary>
internal static class LabSteps
{
    /// <summary>More at once would measure the test's own queue.</summary>
    private const int AtOnce = 16;

    private static int s_kbps = 2000;

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

    /// <summary>Viewers of one stream, on the gateways in turn, each of whom has heard that all are there.</summary>
    public static async Task<List<Viewer>> WatchTogetherAsync(this FaultLab lab, TestStream stream, int count)
    {
        List<Viewer> viewers = [];
        for (var i = 0; i < count; i++)
        {
            viewers.Add(await stream.WatchAsync(gateway: i % lab.Gateways.Count));
        }

        await Task.WhenAll(viewers.Select(viewer => viewer.WaitForViewersAsync(count)));
        return viewers;
    }

    /// <summary>A bitrate that nobody has told yet: viewers recognize a change by it.</summary>
    public static int NextKbps() => Interlocked.Increment(ref s_kbps);

    /// <summary>Whether the viewer is told of the change to that bitrate in time.</summary>
    public static async Task<bool> SeesAsync(this Viewer viewer, int kbps, TimeSpan within)
    {
        try
        {
            await viewer.WaitForAsync(
                EventNames.QualityChanged, change => change.GetProperty("new_bitrate_kbps").GetInt32() == kbps, Max(within, TimeSpan.Zero));
            return true;
        }
        catch (Xunit.Sdk.XunitException)
        {
            return false;
        }
    }

    /// <summary>
    /// Changes the stream until viewers are told of three changes in a row within a second each: one may come late by another way, by the
    /// comparison of versions every few seconds, but not three.
    /// </summary>
    /// <returns>How long that took.</returns>
    public static async Task<TimeSpan> WaitForFlowAsync(TestStream stream, Viewer viewer, TimeSpan within)
    {
        var started = Stopwatch.GetTimestamp();
        for (var inARow = 0; inARow < 3;)
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < within, $"Events do not flow {within.TotalSeconds} s after the fault.");
            var kbps = NextKbps();
            await stream.PostAsync("quality", RuleSteps.Quality("720p", kbps));
            inARow = await viewer.SeesAsync(kbps, Seconds(1)) ? inARow + 1 : 0;
        }

        return Stopwatch.GetElapsedTime(started);
    }

    /// <summary>Waits for a time that a rule is about, counted from the fault.</summary>
    public static Task UntilAsync(long fault, TimeSpan after) => Task.Delay(Max(after - Stopwatch.GetElapsedTime(fault), TimeSpan.Zero));

    /// <summary>What is left of a time that began with the fault.</summary>
    public static TimeSpan Left(long fault, TimeSpan of) => of - Stopwatch.GetElapsedTime(fault);

    public static void Note(string text) => TestContext.Current.TestOutputHelper?.WriteLine(text);

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;

    /// <summary>The same stream, changed through another API.</summary>
    public static TestStream Through(this TestStream stream, Api api) => new(api, stream.Id, stream.Broadcaster, stream.Token);

    /// <param name="token">A broadcaster's.</param>
    public static Task<Call> CreateAsync(this Api api, string token) =>
        CallAsync(() => api.SendAsync(HttpMethod.Post, "/api/v1/streams", """{"title":"Whether this is possible"}""", token));

    public static Task<Call> ChangeAsync(this TestStream stream, int kbps) => CallAsync(stream, "quality", RuleSteps.Quality("720p", kbps));

    public static Task<Call> BitrateAsync(this TestStream stream, int kbps) =>
        CallAsync(stream, "bitrate", $$"""{"current_bitrate_kbps":{{kbps}}}""");

    public static Task<Call> HeartbeatAsync(this TestStream stream) => CallAsync(stream, "heartbeat", null);

    public static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    public static Task<Call> ReadAsync(this TestStream stream) => CallAsync(stream.GetAsync);

    private static Task<Call> CallAsync(TestStream stream, string call, string? body) => CallAsync(() => stream.TryPostAsync(call, body));

    /// <summary>The call's outcome, whatever it is; status 0 where no answer came.</summary>
    private static async Task<Call> CallAsync(Func<Task<Answer>> call)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            var answer = await call();
            return new Call(answer.Status, Stopwatch.GetElapsedTime(started));
        }
        catch (Exception exception) when (exception is HttpRequestException or SocketException or TaskCanceledException)
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
        if (calls.Count == 0)
        {
            return "none";
        }

        var statuses = calls.CountBy(call => (int)call.Status).OrderBy(status => status.Key).Select(status => $"{status.Value} x {status.Key}");
        var (median, most, slowest) = (Percentile(calls, 50), Percentile(calls, 95), Percentile(calls, 100));
        return string.Create(
            CultureInfo.InvariantCulture, $"{string.Join(", ", statuses)}; median {median:F0} ms, p95 {most:F0} ms, slowest {slowest:F0} ms");
    }

    /// <returns>Milliseconds.</returns>
    public static double Percentile(IReadOnlyList<Call> calls, int percent)
    {
        var sorted = calls.Select(call => call.Took.TotalMilliseconds).Order().ToList();
        return sorted[Math.Min(sorted.Count - 1, sorted.Count * percent / 100)];
    }
}
