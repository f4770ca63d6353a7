using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>1.11: <c>get_stream_info</c> and its answer.</summary>
public sealed class StreamInfoRuleTests(NovaFixture nova) : RuleTests(nova)
{
    private static readonly (string Name, JsonValueKind Kind)[] Fields =
    [
        ("request_id", JsonValueKind.String), ("stream_id", JsonValueKind.String), ("status", JsonValueKind.String), ("viewer_count", JsonValueKind.Number),
        ("peak_viewers", JsonValueKind.Number), ("quality", JsonValueKind.String), ("bitrate_kbps", JsonValueKind.Number), ("fps", JsonValueKind.Number),
        ("duration_seconds", JsonValueKind.Number), ("broadcaster_name", JsonValueKind.String), ("timestamp", JsonValueKind.String),
    ];

    [Fact]
    public async Task R83_HundredQuestionsAtOnce_AreAnsweredOnceEach()
    {
        await using var viewer = await (await Api.StartStreamAsync()).WatchAsync();
        string[] ids = [.. Enumerable.Range(0, 100).Select(i => $"req-{i}")];
        await Task.WhenAll(ids.Select(id => viewer.InfoAsync(id)));
        Assert.Equal(ids.Order(), viewer.Of(EventNames.StreamInfo).Select(info => info.Text("request_id")).Order());
    }

    [Fact]
    public async Task R84_StreamInfo_HasAllElevenFields_AndTheyAreCurrent()
    {
        var stream = await Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await using var other = await stream.WatchAsync(gateway: 1);
        await viewer.WaitForCountAsync(2);
        var before = await viewer.InfoAsync("before");
        await stream.PostAsync("quality", """{"new_quality":"4k","new_bitrate_kbps":15000,"fps":30,"reason":"broadcaster_changed"}""");
        await viewer.WaitForAsync(EventNames.QualityChanged);
        var after = await viewer.InfoAsync("after");

        foreach (var info in new[] { before, after })
        {
            Assert.Equal(Fields, info.Data.EnumerateObject().Select(member => (member.Name, member.Value.ValueKind)));
            Assert.Equal(
                (stream.Id, "Tester", 2, 2),
                (info.Text("stream_id"), info.Text("broadcaster_name"), info.Number("viewer_count"), info.Number("peak_viewers")));
        }

        Assert.Equal(("before", "1080p", 5000, 60), Values(before));
        Assert.Equal(("after", "4k", 15_000, 30), Values(after));

        static (string, string, int, int) Values(Frame info) =>
            (info.Text("request_id"), info.Text("quality"), info.Number("bitrate_kbps"), info.Number("fps"));
    }

    /// <summary>Nobody is connected after the end; the publisher's API says then what a viewer would be told.</summary>
    [Fact]
    public async Task R85_Status_IsScheduledThenActiveThenEnded()
    {
        var stream = await Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        Assert.Equal("scheduled", (await viewer.InfoAsync()).Text("status"));
        await stream.PostAsync("start", """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""");
        await viewer.WaitForAsync(EventNames.StreamStarted);
        Assert.Equal("active", (await viewer.InfoAsync()).Text("status"));
        await stream.PostAsync("end");
        Assert.Equal((HttpStatusCode.OK, "ended"), ((await stream.GetAsync()).Status, (await stream.GetAsync()).Text("status")));
    }

    [Fact]
    public async Task R86_Duration_GrowsAsTimePasses()
    {
        await using var viewer = await (await Api.StartStreamAsync()).WatchAsync();
        var first = await viewer.InfoAsync();
        await Task.Delay(TimeSpan.FromSeconds(3) - Stopwatch.GetElapsedTime(first.ReceivedAt)); // The rule's own three seconds.
        var second = await viewer.InfoAsync();
        var apart = (int)Math.Round((second.Timestamp - first.Timestamp).TotalSeconds); // 3, and more on a busy machine.
        Assert.InRange(apart, 3, 6);
        Assert.InRange(second.Number("duration_seconds") - first.Number("duration_seconds"), apart - 1, apart + 1);
    }

    [Fact]
    public async Task R87_StreamInfo_IsForTheAskerOnly()
    {
        var stream = await Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await using var near = await stream.WatchAsync();
        await using var far = await stream.WatchAsync(gateway: 1);
        await viewer.InfoAsync();
        await stream.ChangeQualityAsync(3000); // What comes after the answer is there, so the answer would be.
        foreach (var other in new[] { near, far })
        {
            await other.WaitForAsync(EventNames.QualityChanged);
            Assert.DoesNotContain(EventNames.StreamInfo, other.Events);
        }
    }
}
