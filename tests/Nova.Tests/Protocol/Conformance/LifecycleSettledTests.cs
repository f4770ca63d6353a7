using System.Net;
using System.Text;
using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>Part 2: a stream's life and what who comes when is told (S11, S13 to S16, S26, S43, S48).</summary>
public sealed class LifecycleSettledTests(NovaFixture nova) : RuleTests(nova)
{
    private const string Start = """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""";

    [Fact]
    public async Task S11_EndedStream_IsToldWithItsFirstNumbersAndClosedWith1000()
    {
        var stream = await Api.StartStreamAsync();
        await using var watching = await stream.WatchAsync();
        await watching.WaitForCountAsync(1);
        await stream.PostAsync("end");
        var first = await watching.WaitForAsync(EventNames.StreamEnded);
        foreach (var gateway in new[] { 0, 1 })
        {
            await using var late = await stream.WatchAsync(gateway);
            Assert.Equal(1000, await late.WaitForCloseAsync());
            Assert.Equal([EventNames.ConnectionEstablished, EventNames.Error, EventNames.StreamEnded], late.Events);
            var error = late.Frames[1];
            Assert.Equal((ErrorCodes.StreamEnded, "info", false), (error.Text("error_code"), error.Text("severity"), error.IsRecoverable()));
            Assert.Equal(first.Raw, late.Frames[2].Raw);
        }
    }

    [Fact]
    public async Task S11_EndedStream_AfterItsRetention_Is404()
    {
        var retention = TimeSpan.FromSeconds(2);
        await using var stack = await Nova.StartStackAsync(new Dictionary<string, string?> { ["StreamState:EndedRetention"] = $"{retention}" });
        var api = new Api(stack);
        var stream = await api.StartStreamAsync();
        await stream.PostAsync("end");
        await Task.Delay(retention + TimeSpan.FromSeconds(1)); // Its own time. Asking meanwhile would have the gateway remember the stream.
        var answer = await api.RefusalAsync($"{stream.Path}/ws?token={await api.TokenAsync()}");
        Assert.Equal((HttpStatusCode.NotFound, ErrorCodes.StreamNotFound), (answer.Status, answer.ErrorCode));
    }

    [Fact]
    public async Task S13_Info_BeforeTheStart_HasTheSameTypesAsAfterIt()
    {
        var stream = await Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        var scheduled = await viewer.InfoAsync();
        await stream.PostAsync("start", Start);
        await viewer.WaitForAsync(EventNames.StreamStarted);
        var active = await viewer.InfoAsync();
        await stream.PostAsync("end");
        Assert.Equal(("scheduled", 0, "active"), (scheduled.Text("status"), scheduled.Number("duration_seconds"), active.Text("status")));
        Assert.Equal(Kinds(active.Data), Kinds(scheduled.Data));
        Assert.Contains(scheduled.Text("quality"), new[] { "720p", "1080p", "4k", "auto" });

        var ended = await stream.GetAsync();
        Assert.Equal(
            ("ended", "1080p", 5000, 60), (ended.Text("status"), ended.Text("quality"), ended.Number("bitrate_kbps"), ended.Number("fps")));

        static IEnumerable<(string, JsonValueKind)> Kinds(JsonElement data) =>
            data.EnumerateObject().Select(member => (member.Name, member.Value.ValueKind));
    }

    [Fact]
    public async Task S14_ScheduledStream_MayBeWatchedAndStartsForWhoIsThere()
    {
        var stream = await Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.WaitForCountAsync(1);
        await using var other = await stream.WatchAsync(gateway: 1);
        await viewer.WaitForCountAsync(2);
        Assert.All(viewer.Events.Skip(1), name => Assert.Equal(EventNames.ViewerCountChanged, name));
        await stream.PostAsync("start", Start);
        await viewer.WaitForAsync(EventNames.StreamStarted);
        await other.WaitForAsync(EventNames.StreamStarted);
    }

    [Fact]
    public async Task S15_LateJoiner_IsToldTheStartAsItWas_ThenTheNewestQuality_ThenTheErrorInForce()
    {
        var stream = await Api.StartStreamAsync();
        await using var early = await stream.WatchAsync();
        await early.WaitForAsync(EventNames.StreamStarted);
        await stream.ChangeQualityAsync(3000);
        await stream.ChangeQualityAsync(15_000, "4k");
        await stream.PostAsync("error", Ask.IngestTrouble.Replace("warning", "critical"));
        await early.WaitForAsync(EventNames.Error);
        foreach (var gateway in new[] { 0, 1 })
        {
            await using var late = await stream.WatchAsync(gateway);
            await late.WaitForAsync(EventNames.ViewerCountChanged);
            Assert.Equal(
                [EventNames.ConnectionEstablished, EventNames.StreamStarted, EventNames.QualityChanged, EventNames.Error, EventNames.ViewerCountChanged],
                late.Events.Take(5));
            Assert.Equal(early.Of(EventNames.StreamStarted)[0].Raw, late.Frames[1].Raw);
            Assert.Equal(early.Of(EventNames.QualityChanged)[^1].Raw, late.Frames[2].Raw);
            Assert.Equal(early.Of(EventNames.Error)[0].Raw, late.Frames[3].Raw);
        }
    }

    [Fact]
    public async Task S16_Peak_IsTheBroadcasts_NotTheWaitingRooms()
    {
        var stream = await Api.CreateStreamAsync();
        var viewers = await Task.WhenAll(Enumerable.Range(0, 3).Select(i => stream.WatchAsync(i % 2)));
        await viewers[0].WaitForCountAsync(3);
        await viewers[1].CloseAsync();
        await viewers[2].CloseAsync();
        await viewers[0].WaitForAsync(
            EventNames.ViewerCountChanged,
            count => count.GetProperty("viewer_count").GetInt32() == 1 && count.GetProperty("peak_viewers").GetInt32() == 3);
        await stream.PostAsync("start", Start);
        await viewers[0].WaitForAsync(EventNames.StreamStarted);
        var before = viewers[0].Frames.Count;
        await using var next = await stream.WatchAsync(gateway: 1);
        var count = await viewers[0].WaitForAsync(EventNames.ViewerCountChanged, from: before);
        Assert.Equal((2, 2), (count.Number("viewer_count"), count.Number("peak_viewers")));
        await stream.PostAsync("end");
        Assert.Equal(2, (await next.WaitForAsync(EventNames.StreamEnded)).Number("peak_viewers"));
        await Task.WhenAll(viewers.Select(viewer => viewer.DisposeAsync().AsTask()));
    }

    /// <summary>The codes of 3.4 that no other rule has: R95 has 1003, S39 and S40 have 1007 and 1002, R104 has 1009, R96 has 4408.</summary>
    [Fact]
    public async Task S26_CloseCodes_AreThoseOfTheTable()
    {
        await using var gateway = await OwnService.StartGatewayAsync(Nova.Stack);
        var stream = await Api.StartStreamAsync();
        await using var drained = await gateway.WatchAsync(stream);
        await using var watching = await stream.WatchAsync();
        await using var leaving = await stream.WatchAsync();
        await using var kicked = await stream.WatchAsync(gateway: 1);
        await watching.WaitForCountAsync(4);

        await leaving.CloseAsync();
        Assert.Equal(1000, leaving.CloseCode);
        var viewerId = (await kicked.WaitForAsync(EventNames.ConnectionEstablished)).Text("viewer_id");
        await Api.SendAsync(HttpMethod.Delete, $"{stream.Path}/viewers/{viewerId}", null, stream.Token);
        Assert.Equal(4403, await kicked.WaitForCloseAsync());
        await gateway.StopAsync();
        Assert.Equal(1001, await drained.WaitForCloseAsync());
        Assert.Matches(@"^drain retry_after_ms=\d+$", drained.CloseReason);
        await watching.WaitForCountAsync(1);
        await stream.PostAsync("end");
        Assert.Equal(1000, await watching.WaitForCloseAsync());
        Assert.All(
            new[] { drained, kicked, watching },
            viewer => Assert.InRange(Encoding.UTF8.GetByteCount(viewer.CloseReason ?? ""), 0, Limits.CloseReasonBytes));
    }

    [Fact]
    public async Task S43_EndedStream_IsNeverStartedAgain()
    {
        var stream = await Api.StartStreamAsync();
        await stream.PostAsync("end");
        var again = await stream.TryPostAsync("start", Start);
        Assert.Equal((HttpStatusCode.Conflict, "ended"), (again.Status, again.Text("stream_status")));
        Assert.Equal("ended", (await stream.GetAsync()).Text("status"));
    }

    [Fact]
    public async Task S48_Counts_GoOnUntilTheEndAndNotPastIt()
    {
        var stream = await Api.CreateStreamAsync();
        await using var first = await stream.WatchAsync();
        await first.WaitForCountAsync(1); // While it is scheduled.
        await stream.PostAsync("start", Start);
        var others = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => stream.WatchAsync(i % 2)));
        await first.WaitForCountAsync(21); // While it is active.
        await stream.PostAsync("end");
        foreach (var viewer in others.Append(first))
        {
            Assert.Equal(1000, await viewer.WaitForCloseAsync());
            Assert.Equal(EventNames.StreamEnded, viewer.Events[^1]); // And no storm of −1 while everybody is let go.
        }

        await using var late = await stream.WatchAsync(gateway: 1);
        await late.WaitForCloseAsync();
        Assert.DoesNotContain(EventNames.ViewerCountChanged, late.Events);
        await Task.WhenAll(others.Select(viewer => viewer.DisposeAsync().AsTask()));
    }
}

[LongRunning]
public sealed class LostBroadcasterSettledTests(NovaFixture nova) : RuleTests(nova)
{
    /// <summary>By the times that Nova has where nobody configures others: 15 s to the error, 30 s more to the end.</summary>
    [Fact]
    public async Task S44_LostBroadcaster_IsAnErrorAtOnceAndTheEndAfterTheGrace()
    {
        var stream = await Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync(gateway: 1);
        await viewer.WaitForCountAsync(1);
        var heartbeat = DateTimeOffset.UtcNow;
        await stream.PostAsync("heartbeat");
        var lost = await viewer.WaitForAsync(EventNames.Error, within: TimeSpan.FromSeconds(30));
        Assert.Equal(
            (ErrorCodes.RtmpConnectionLost, "critical", false), (lost.Text("error_code"), lost.Text("severity"), lost.IsRecoverable()));
        Assert.InRange((lost.Timestamp - heartbeat).TotalSeconds, 14, 20);
        var ended = await viewer.WaitForAsync(EventNames.StreamEnded, within: TimeSpan.FromSeconds(45));
        Assert.Equal("connection_lost", ended.Text("reason"));
        Assert.InRange((ended.Timestamp - lost.Timestamp).TotalSeconds, 29.5, 35);
        Assert.Equal(1000, await viewer.WaitForCloseAsync());
    }
}

public sealed class ReturnedBroadcasterSettledTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task S44_BroadcasterThatReturnsWithinTheGrace_GoesOn()
    {
        var stream = await Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await stream.PostAsync("heartbeat");
        await viewer.WaitForAsync(EventNames.Error, error => error.GetProperty("severity").GetString() == "critical", TimeSpan.FromSeconds(30));
        await stream.PostAsync("heartbeat");
        await viewer.WaitForAsync(EventNames.Error, error => error.GetProperty("severity").GetString() == "info");
        await stream.ChangeQualityAsync(3000);
        await viewer.WaitForAsync(EventNames.QualityChanged);
        Assert.Equal("active", (await viewer.InfoAsync()).Text("status"));
        Assert.DoesNotContain(EventNames.StreamEnded, viewer.Events);
    }
}
