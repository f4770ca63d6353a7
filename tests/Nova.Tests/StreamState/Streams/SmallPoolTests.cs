using System.Diagnostics;
using System.Net;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.StreamState.Streams;

/// <summary>
/// DESIGN.md 8: nobody waits for one system while holding another's resource. With two connections, one of which listens, any path that holds one
/// and wants a second waits for itself and is answered 503.
/// </summary>
public sealed class SmallPoolTests(NovaFixture nova)
{
    private const int Rounds = 30;

    [Theory]
    [InlineData(0)]
    [InlineData(60)] // Longer there and back than a call waits for Redis: 30 changes that held the connection meanwhile take 2.4 s, and the last get none in 2 s.
    public async Task EveryCall_WithOneConnectionForAll_IsAnswered(int redisDelayMilliseconds)
    {
        var redis = nova.Stack.ConnectionString("redis");
        await using var link = new TcpProxy(new Uri($"tcp://{redis}"), TimeSpan.FromMilliseconds(redisDelayMilliseconds));
        await using var stack = await nova.StartStackAsync(new Dictionary<string, string?> { ["ConnectionStrings:redis"] = link.Address.Authority }, poolSize: 2);
        var api = new Api(stack);
        var stream = await api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.WaitForAsync(EventNames.ViewerCountChanged);
        await stream.PostAsync("start", """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""", ("Idempotency-Key", "start"));
        await stream.PostAsync("start", """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""", ("Idempotency-Key", "start"));
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Rounds).SelectMany(number => new[]
        {
            stream.PostAsync("bitrate", """{"current_bitrate_kbps":4000}"""),
            stream.PostAsync("heartbeat"),
            stream.PostAsync("quality", $$"""{"new_quality":"720p","new_bitrate_kbps":{{number + 1}},"reason":"adaptive_bitrate"}""", ("Idempotency-Key", $"{number}")),
        }));
        TestContext.Current.TestOutputHelper?.WriteLine($"{3 * Rounds} calls at once: {Stopwatch.GetElapsedTime(started).TotalMilliseconds:F0} ms");
        await stream.PostAsync("error", """{"error_code":"RTMP_CONNECTION_LOST","error_message":"m","severity":"critical","recoverable":false,"suggested_action":"a"}""");
        await stream.PostAsync("heartbeat"); // It proves that the broadcaster is back, which is a change of its own.
        await viewer.WaitForAsync(EventNames.Error, error => error.GetProperty("error_code").GetString() == ErrorCodes.RtmpConnectionRestored);
        await using var late = await stream.WatchAsync();
        await late.SendAsync("""{"event":"report_issue","data":{"issue_type":"lag","severity":"low","report_id":"r"}}""");
        await late.WaitForAsync(EventNames.IssueReceived);
        Assert.Equal(HttpStatusCode.OK, (await api.SendAsync(HttpMethod.Get, "/api/v1/streams?limit=200", null, stream.Token)).Status);
        Assert.Equal(HttpStatusCode.OK, (await api.SendAsync(HttpMethod.Get, $"/api/v1/issues?stream_id={stream.Id}", null, await api.TokenAsync("ops", "operator"))).Status);
        await stream.PostAsync("end");
        await viewer.WaitForAsync(EventNames.StreamEnded);
    }
}
