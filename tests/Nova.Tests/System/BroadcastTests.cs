using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.SystemTests;

/// <summary>Whole broadcasts, as viewers on two gateways see them.</summary>
public sealed class BroadcastTests(NovaFixture nova)
{
    [Fact]
    public async Task Broadcast_FromStartToEnd_IsSeenTheSameOnBothGateways()
    {
        var stream = await nova.Api.CreateStreamAsync(title: "The whole story");
        await using var one = await stream.WatchAsync(gateway: 0);
        await one.WaitForAsync(EventNames.ViewerCountChanged, Viewers(1));
        await using var two = await stream.WatchAsync(gateway: 1);
        await one.WaitForAsync(EventNames.ViewerCountChanged, Viewers(2));
        await two.WaitForAsync(EventNames.ViewerCountChanged, Viewers(2));

        var started = Stopwatch.StartNew();
        await stream.PostAsync("start", """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""");
        await stream.PostAsync("quality", """{"new_quality":"720p","new_bitrate_kbps":3000,"reason":"network_congestion"}""");
        await stream.PostAsync("quality", """{"new_quality":"1080p","new_bitrate_kbps":5000,"reason":"adaptive_bitrate"}""");
        await stream.PostAsync("bitrate", """{"current_bitrate_kbps":4850}""");
        await stream.PostAsync(
            "error", """{"error_code":"BUFFER_OVERFLOW","error_message":"m","severity":"warning","recoverable":true,"suggested_action":"a"}""");
        await two.WaitForAsync(EventNames.BitrateUpdate);
        var live = await stream.GetAsync();
        Assert.Equal((2, 2), (live.Number("viewer_count"), live.Number("peak_viewers")));
        var end = await stream.PostAsync("end", """{"reason":"broadcaster_ended"}""");
        var elapsed = (int)started.Elapsed.TotalSeconds;

        foreach (var viewer in new[] { one, two })
        {
            Assert.Equal(1000, await viewer.WaitForCloseAsync());
            var ended = viewer.Frames[^1];
            Assert.Equal((EventNames.StreamEnded, 2, 2, "broadcaster_ended"), (ended.Event, ended.Number("peak_viewers"), ended.Number("final_viewer_count"), ended.Text("reason")));
            Assert.InRange(ended.Number("duration_seconds"), elapsed - 1, elapsed + 1);
            Assert.Equal(end.Number("duration_seconds"), ended.Number("duration_seconds"));
            Assert.Equal(
                [EventNames.ConnectionEstablished, EventNames.StreamStarted, EventNames.QualityChanged, EventNames.QualityChanged, EventNames.Error, EventNames.StreamEnded],
                viewer.Events.Where(name => name is not (EventNames.ViewerCountChanged or EventNames.BitrateUpdate)));
            var bitrate = Assert.Single(viewer.Frames, frame => frame.Event == EventNames.BitrateUpdate);
            Assert.Equal((4850, "1080p", "good"), (bitrate.Number("current_bitrate_kbps"), bitrate.Text("quality"), bitrate.Text("health")));
            AssertQualityChain(viewer, "1080p", 5000);
        }

        static string Shared(Viewer viewer) => string.Join('\n', viewer.Frames.SkipWhile(frame => frame.Event != EventNames.StreamStarted).Select(frame => frame.Raw));
        Assert.Equal(Shared(one), Shared(two)); // The same bytes in the same order.
        var times = one.Frames.Select(frame => frame.Timestamp).ToList();
        Assert.Equal(times.Order(), times);
    }

    [Fact]
    public async Task LateJoiner_IsToldTheStartAsItWas_ThenTheNewestQuality_ThenTheErrorInForce()
    {
        var stream = await nova.Api.StartStreamAsync();
        await stream.PostAsync("quality", """{"new_quality":"720p","new_bitrate_kbps":3000,"reason":"network_congestion"}""");
        await stream.PostAsync("quality", """{"new_quality":"4k","new_bitrate_kbps":15000,"reason":"broadcaster_changed"}""");
        await stream.PostAsync("error", """{"error_code":"RTMP_CONNECTION_LOST","error_message":"m","severity":"critical","recoverable":false,"suggested_action":"a"}""");

        await using var late = await stream.WatchAsync(gateway: 1);
        await late.WaitForAsync(EventNames.ViewerCountChanged);
        Assert.Equal(
            [EventNames.ConnectionEstablished, EventNames.StreamStarted, EventNames.QualityChanged, EventNames.Error, EventNames.ViewerCountChanged], late.Events);
        Assert.Equal(("1080p", 5000), (late.Frames[1].Text("quality"), late.Frames[1].Number("bitrate_kbps")));
        Assert.Equal(("720p", "4k"), (late.Frames[2].Text("previous_quality"), late.Frames[2].Text("new_quality")));
        Assert.Equal((await stream.GetAsync()).Body.GetProperty("started_at").GetString(), late.Frames[1].Text("timestamp"));

        // A room that is open already says the same from its own memory.
        await using var later = await stream.WatchAsync(gateway: 1);
        await later.WaitForAsync(EventNames.ViewerCountChanged);
        Assert.Equal(late.Frames.Skip(1).Take(3).Select(frame => frame.Raw), later.Frames.Skip(1).Take(3).Select(frame => frame.Raw));
    }

    [Fact]
    public async Task EndedStream_TellsItsEndAgainAndCloses()
    {
        var stream = await nova.Api.StartStreamAsync();
        await using var watching = await stream.WatchAsync();
        await watching.WaitForAsync(EventNames.ViewerCountChanged);
        await stream.PostAsync("end", """{"reason":"error"}""");
        var first = await watching.WaitForAsync(EventNames.StreamEnded);

        foreach (var gateway in new[] { 0, 1 })
        {
            await using var late = await stream.WatchAsync(gateway);
            Assert.Equal(1000, await late.WaitForCloseAsync());
            Assert.Equal([EventNames.ConnectionEstablished, EventNames.Error, EventNames.StreamEnded], late.Events);
            Assert.Equal((ErrorCodes.StreamEnded, "info", false), (
                late.Frames[1].Text("error_code"), late.Frames[1].Text("severity"), late.Frames[1].Data.GetProperty("recoverable").GetBoolean()));
            Assert.Equal(first.Raw, late.Frames[2].Raw);
        }
    }

    [Fact]
    public async Task FinalNumbers_AfterSomeLeft_ArePeakAndRest()
    {
        var stream = await nova.Api.StartStreamAsync();
        var viewers = await Task.WhenAll(Enumerable.Range(0, 7).Select(i => stream.WatchAsync(gateway: i % 2)));
        await viewers[0].WaitForAsync(EventNames.ViewerCountChanged, Viewers(7));
        await Task.WhenAll(viewers.Skip(3).Select(viewer => viewer.CloseAsync()));
        await viewers[0].WaitForAsync(EventNames.ViewerCountChanged, data => Viewers(3)(data) && data.GetProperty("peak_viewers").GetInt32() == 7);
        await stream.PostAsync("end");
        var ended = await viewers[0].WaitForAsync(EventNames.StreamEnded);
        Assert.Equal((7, 3), (ended.Number("peak_viewers"), ended.Number("final_viewer_count")));
        foreach (var viewer in viewers)
        {
            await viewer.DisposeAsync();
        }
    }

    [Fact]
    public async Task ManyChangesAtOnce_ArriveInOneOrderWithoutAGapOrARepeat()
    {
        const int Changes = 300;
        var stream = await nova.Api.StartStreamAsync();
        var viewers = await Task.WhenAll(stream.WatchAsync(0), stream.WatchAsync(1));
        var joiners = Task.Run(async () => await Task.WhenAll(Enumerable.Range(0, 20).Select(async i =>
        {
            await Task.Delay(i * 40);
            return await stream.WatchAsync(i % 2);
        })));
        await Parallel.ForEachAsync(
            Enumerable.Range(1, Changes), new ParallelOptions { MaxDegreeOfParallelism = 8 },
            async (i, _) => await stream.PostAsync("quality", $$"""{"new_quality":"720p","new_bitrate_kbps":{{1000 + i}},"reason":"adaptive_bitrate"}"""));
        var last = (await stream.GetAsync()).Number("bitrate_kbps");

        foreach (var viewer in viewers.Concat(await joiners))
        {
            await viewer.WaitForAsync(EventNames.QualityChanged, change => change.GetProperty("new_bitrate_kbps").GetInt32() == last);
            AssertQualityChain(viewer, null, last);
        }

        foreach (var viewer in viewers)
        {
            Assert.Equal(Changes, viewer.Events.Count(name => name == EventNames.QualityChanged));
            await viewer.DisposeAsync();
        }
    }

    [Fact]
    public async Task Kick_ClosesThatViewersSocketsOnEveryGateway()
    {
        var stream = await nova.Api.CreateStreamAsync();
        var token = await nova.Api.TokenAsync("troll");
        await using var bystander = await stream.WatchAsync();
        await using var one = await stream.WatchAsync(0, token);
        await using var two = await stream.WatchAsync(1, token);
        await bystander.WaitForAsync(EventNames.ViewerCountChanged, Viewers(3));

        var viewerId = one.Frames[0].Text("viewer_id");
        var answer = await nova.Api.SendAsync(HttpMethod.Delete, $"{stream.Path}/viewers/{viewerId}", null, stream.Token);
        Assert.Equal((HttpStatusCode.Accepted, viewerId), (answer.Status, answer.Text("viewer_id")));
        Assert.Equal(4403, await one.WaitForCloseAsync(TimeSpan.FromSeconds(5)));
        Assert.Equal(4403, await two.WaitForCloseAsync(TimeSpan.FromSeconds(5)));
        await bystander.WaitForAsync(EventNames.ViewerCountChanged, data => Viewers(1)(data) && data.GetProperty("change").GetInt32() < 0);
        Assert.DoesNotContain(EventNames.Error, bystander.Events);

        // It does not come back, on either gateway; others do.
        foreach (var gateway in nova.Stack.Gateways)
        {
            using var http = new HttpClient { BaseAddress = gateway };
            Assert.Equal(HttpStatusCode.Forbidden, (await http.GetAsync($"{stream.Path}/ws?token={token}", TestContext.Current.CancellationToken)).StatusCode);
        }

        await using var another = await stream.WatchAsync();
        await bystander.WaitForAsync(EventNames.ViewerCountChanged, data => Viewers(2)(data) && data.GetProperty("change").GetInt32() > 0);
        Assert.Equal(
            HttpStatusCode.NotFound, (await nova.Api.SendAsync(HttpMethod.Delete, $"{stream.Path}/viewers/nobody", null, stream.Token)).Status);
    }

    private static Func<JsonElement, bool> Viewers(int count) => data => data.GetProperty("viewer_count").GetInt32() == count;

    /// <summary>Each change starts where the one before ended (R50), up to the last.</summary>
    private static void AssertQualityChain(Viewer viewer, string? quality, int lastKbps)
    {
        var changes = viewer.Frames.Where(frame => frame.Event == EventNames.QualityChanged).ToList();
        foreach (var (earlier, later) in changes.Zip(changes.Skip(1)))
        {
            Assert.Equal((earlier.Text("new_quality"), earlier.Number("new_bitrate_kbps")), (later.Text("previous_quality"), later.Number("previous_bitrate_kbps")));
        }

        Assert.Equal(lastKbps, changes[^1].Number("new_bitrate_kbps"));
        Assert.Equal(quality ?? changes[^1].Text("new_quality"), changes[^1].Text("new_quality"));
    }
}
