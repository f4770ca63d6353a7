using System.Diagnostics;
using System.Text;
using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.Tests.Support;
using Nova.Tests.SystemTests;
using StackExchange.Redis;

namespace Nova.Tests.Adversarial;

/// <summary>
/// One client that sends as fast as it can (F44, F45): told at most once a second, closed with 1008 that arrives, while a healthy viewer of the
/// same stream gets every event in time. Alone: it measures what others feel.
/// </summary>
[Collection(nameof(Alone))]
public sealed class FloodTests(NovaFixture nova, ITestOutputHelper output)
{
    private const int Messages = 30_000;
    private const int Events = 100;

    public static TheoryData<string> Floods => ["pong", "get_stream_info", "report_issue", "refresh_token", "control ping", "control pong", "junk"];

    [Theory]
    [MemberData(nameof(Floods))]
    public async Task AFlood_IsToldOnceASecond_ThenClosed_AndOthersNoticeNothing(string kind)
    {
        var stream = await nova.Api.StartStreamAsync();
        await using var healthy = await stream.WatchAsync();
        var before = await MeasureAsync(stream, healthy, first: 1);
        await using var flooding = await RawViewer.WatchAsync(nova.Stack.Gateways[0], stream.Id, await nova.Api.TokenAsync("flood"));
        var started = Stopwatch.GetTimestamp();
        var ending = flooding.ReadToEndAsync(flooding.AnswerCloseAsync, TimeSpan.FromSeconds(30));
        var frame = FrameOf(kind);
        var sending = flooding.WriteAsync(Enumerable.Repeat(frame, Messages));
        var during = await MeasureAsync(stream, healthy, first: 1 + Events);
        await sending;
        var transcript = await ending;
        var after = await MeasureAsync(stream, healthy, first: 1 + (2 * Events));

        Assert.Equal(kind == "junk" ? 1003 : 1008, transcript.CloseCode);
        var told = transcript.Frames.Count(answer => answer.Opcode == RawFrame.Text && answer.AsText.Contains("RATE_LIMITED"));
        Assert.InRange(told, kind == "junk" ? 0 : 1, (int)Stopwatch.GetElapsedTime(started).TotalSeconds + 2);
        var (bytesIn, bytesOut) = ((double)frame.Length * Messages, transcript.Frames.Sum(answer => answer.Payload.Length + 4.0));
        output.WriteLine($"{kind}: p99 of a healthy viewer {before.P99:F0} / {during.P99:F0} / {after.P99:F0} ms before, during, after; "
            + $"resident {before.Megabytes} / {during.Megabytes} / {after.Megabytes} MB; {bytesOut / bytesIn:F2} bytes out per byte in");
        Assert.True(during.P99 < 250, $"The p99 of a healthy viewer was {during.P99:F0} ms.");
        Assert.True(bytesOut < bytesIn, "Nova answers a flood with more than it got.");
    }

    /// <summary>A hundred numbered events, twenty milliseconds apart: how late they come, and that none is missing.</summary>
    private async Task<(double P99, long Megabytes)> MeasureAsync(TestStream stream, Viewer viewer, int first)
    {
        await using var redis = await ConnectionMultiplexer.ConnectAsync(nova.Stack.ConnectionString("redis"));
        var channel = RedisChannel.Literal(LiveKeys.Channel(Guid.Parse(stream.Id)));
        var sent = new long[Events];
        for (var i = 0; i < Events; i++)
        {
            sent[i] = Stopwatch.GetTimestamp();
            await redis.GetSubscriber().PublishAsync(channel, ChannelEvents.Quality(stream.Id, version: 2 + first + i, first + i));
            await Task.Delay(20); // The pace of the events, which nothing is concluded from.
        }

        await viewer.WaitForAsync(EventNames.QualityChanged, change => change.GetProperty("new_bitrate_kbps").GetInt32() == first + Events - 1);
        var frames = viewer.Frames.Where(frame => frame.Event == EventNames.QualityChanged).TakeLast(Events).ToList();
        Assert.Equal(Enumerable.Range(first, Events), frames.Select(frame => frame.Number("new_bitrate_kbps")));
        var late = frames.Select((frame, i) => Stopwatch.GetElapsedTime(sent[i], frame.ReceivedAt).TotalMilliseconds).Order().ToList();
        return (late[Events * 99 / 100], Environment.WorkingSet / (1024 * 1024));
    }

    private static byte[] FrameOf(string kind) => kind switch
    {
        "control ping" => RawFrame.Build(RawFrame.Ping, Encoding.ASCII.GetBytes(new string('p', 125))),
        "control pong" => RawFrame.Build(RawFrame.Pong, "p"u8),
        "pong" => RawFrame.OfText("""{"event":"pong","data":{"sequence":1}}"""),
        "get_stream_info" => RawFrame.OfText("""{"event":"get_stream_info","data":{"request_id":"a question that is asked again and again and again"}}"""),
        "report_issue" => RawFrame.OfText("""{"event":"report_issue","data":{"issue_type":"lag","severity":"low","report_id":"again"}}"""),
        "refresh_token" => RawFrame.OfText("""{"event":"refresh_token","data":{"token":"eyJhbGciOiJIUzI1NiJ9.e30.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}"""),
        _ => RawFrame.OfText("junk"),
    };
}
