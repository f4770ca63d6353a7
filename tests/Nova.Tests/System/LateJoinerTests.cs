using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.SystemTests;

/// <summary>R22, S14, S15: what a viewer who comes late is told, and in which order.</summary>
public sealed class LateJoinerTests(NovaFixture nova)
{
    /// <summary>Was: an error from before the start came before stream_started for ever.</summary>
    [Fact]
    public async Task ErrorBeforeTheStart_IsToldToThoseWhoAreThere_AndToNobodyLater()
    {
        const string Failed =
            """{"error_code":"RTMP_HANDSHAKE_FAILED","error_message":"The encoder was refused","severity":"critical","recoverable":false,"suggested_action":"Wait"}""";
        var stream = await nova.Api.CreateStreamAsync();
        await using var waiting = await stream.WatchAsync();
        await stream.PostAsync("error", Failed);
        await waiting.WaitForAsync(EventNames.Error);
        await using var scheduled = await stream.WatchAsync();
        await using var elsewhere = await stream.WatchAsync(gateway: 1); // Its gateway reads the snapshot.
        await stream.PostAsync("start", """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""");
        await using var late = await stream.WatchAsync();
        await using var newGateway = await OwnService.StartGatewayAsync(nova.Stack);
        await using var fresh = await newGateway.WatchAsync(stream); // It knows nothing but what StreamState has kept.
        foreach (var viewer in new[] { scheduled, elsewhere, late, fresh })
        {
            await viewer.WaitForAsync(EventNames.StreamStarted);
            Assert.Equal([EventNames.ConnectionEstablished, EventNames.StreamStarted], viewer.Events.Where(name => name != EventNames.ViewerCountChanged).Take(2));
            Assert.DoesNotContain(EventNames.Error, viewer.Events);
        }
    }
}
