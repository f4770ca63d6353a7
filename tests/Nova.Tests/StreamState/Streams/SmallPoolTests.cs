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
    [Fact]
    public async Task EveryCall_WithOneConnectionForAll_IsAnswered()
    {
        await using var stack = await nova.StartStackAsync(new Dictionary<string, string?>(), poolSize: 2);
        var api = new Api(stack);
        var stream = await api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.WaitForAsync(EventNames.ViewerCountChanged);
        await stream.PostAsync("start", """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""", ("Idempotency-Key", "start"));
        await stream.PostAsync("start", """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""", ("Idempotency-Key", "start"));
        await Task.WhenAll(Enumerable.Range(0, 20).SelectMany(number => new[]
        {
            stream.PostAsync("bitrate", """{"current_bitrate_kbps":4000}"""),
            stream.PostAsync("heartbeat"),
            stream.PostAsync("quality", $$"""{"new_quality":"720p","new_bitrate_kbps":{{number + 1}},"reason":"adaptive_bitrate"}""", ("Idempotency-Key", $"{number}")),
        }));
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
