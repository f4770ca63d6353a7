using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>What tests of many rules do.</summary>
internal static class RuleSteps
{
    public const string Start = """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""";

    /// <summary>What PROTOCOL.md allows every timing.</summary>
    public const double ToleranceMilliseconds = 250;

    private const int Tries = 5;

    public static string Quality(string quality, int kbps, string reason = "adaptive_bitrate") =>
        $$"""{"new_quality":"{{quality}}","new_bitrate_kbps":{{kbps}},"reason":"{{reason}}"}""";

    public static IReadOnlyList<Frame> All(this Viewer viewer, string name) => [.. viewer.Frames.Where(frame => frame.Event == name)];

    /// <param name="from">How many frames to pass over: a count may have been the same before.</param>
    public static Task<Frame> WaitForViewersAsync(this Viewer viewer, int count, int from = 0) => viewer.WaitForAsync(
        EventNames.ViewerCountChanged, data => data.GetProperty("viewer_count").GetInt32() == count, from: from);

    public static Task<Frame> WaitForBitrateAsync(this Viewer viewer, int kbps) => viewer.WaitForAsync(
        EventNames.QualityChanged, data => data.GetProperty("new_bitrate_kbps").GetInt32() == kbps);

    /// <summary>A viewer on each gateway, counted.</summary>
    public static async Task<(Viewer One, Viewer Two)> WatchOnBothAsync(this TestStream stream)
    {
        var one = await stream.WatchAsync(gateway: 0);
        var two = await stream.WatchAsync(gateway: 1);
        await one.WaitForViewersAsync(2);
        await two.WaitForViewersAsync(2);
        return (one, two);
    }

    /// <summary>Ends the stream and lets every viewer come to its end, so that nothing more can come.</summary>
    public static async Task EndAsync(this TestStream stream, params Viewer[] viewers)
    {
        await stream.PostAsync("end");
        foreach (var viewer in viewers)
        {
            await viewer.WaitForCloseAsync();
        }
    }

    public static async Task DisposeAllAsync(this IEnumerable<Viewer> viewers)
    {
        foreach (var viewer in viewers)
        {
            await viewer.DisposeAsync();
        }
    }

    /// <summary>The answer to an upgrade, whatever it is.</summary>
    public static async Task<RawResponse> UpgradeAsync(Uri gateway, string target)
    {
        await using var client = await RawViewer.OpenAsync(gateway);
        return await client.UpgradeAsync(RawViewer.Request(gateway, target));
    }

    public static async Task AssertUpgradesAsync(this Api api, string target, HttpStatusCode status)
    {
        foreach (var gateway in api.Gateways)
        {
            var answer = await UpgradeAsync(gateway, target);
            Assert.True((int)status == answer.Status, $"{target} was answered {answer.Status} and not {(int)status}.");
        }
    }

    /// <summary>Upgrades and reads the first message.</summary>
    public static async Task<Frame> FirstMessageAsync(Uri gateway, string target)
    {
        await using var client = await RawViewer.OpenAsync(gateway);
        Assert.Equal(101, (await client.UpgradeAsync(RawViewer.Request(gateway, target))).Status);
        return (await client.ReadAsync())!.AsMessage();
    }

    /// <summary>
    /// One of a few tries must be that fast, give or take the tolerance: a machine with other work delays some of them, a system that is
    /// too slow every one.
    /// </summary>
    public static async Task AssertWithinAsync(double milliseconds, Func<Task<TimeSpan>> sample)
    {
        milliseconds += ToleranceMilliseconds;
        List<double> taken = [];
        do
        {
            taken.Add((await sample()).TotalMilliseconds);
        }
        while (taken[^1] > milliseconds && taken.Count < Tries);

        var told = string.Join(", ", taken.Select(value => value.ToString("F0", CultureInfo.InvariantCulture)));
        Assert.True(taken[^1] <= milliseconds, $"It took {told} ms; {milliseconds} are allowed.");
    }

    /// <summary>From then until the last of these arrived.</summary>
    public static TimeSpan Since(long started, params Frame[] arrived) => Stopwatch.GetElapsedTime(started, arrived.Max(frame => frame.ReceivedAt));

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted[sorted.Count / 2];
    }

    public static void AssertIsTimestamp(this Frame frame)
    {
        Assert.Equal(JsonValueKind.String, frame.Data.GetProperty("timestamp").ValueKind);
        Assert.True(MessageSchema.IsTimestamp(frame.Text("timestamp")), frame.Raw);
    }

    /// <summary>A JSON number without a fraction, with that value.</summary>
    public static void AssertIsInteger(this Frame frame, string member, int value) =>
        Assert.Equal(value.ToString(CultureInfo.InvariantCulture), frame.Data.GetProperty(member).GetRawText());

    public static async Task<Frame> FirstAsync(this Viewer viewer)
    {
        await Eventually.TrueAsync(() => Task.FromResult(viewer.Frames.Count > 0), "anything came");
        return viewer.Frames[0];
    }
}
