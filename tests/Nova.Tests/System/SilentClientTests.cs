using System.Diagnostics;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.SystemTests;

/// <summary>Pings every 30 s, and the one rule that closes: 60 s without a message (S1–S3). Real minutes, beside the other tests.</summary>
public sealed class SilentClientTests(NovaFixture nova)
{
    [Fact]
    public async Task ClientWithTheSameHabits_LivesThroughFourPings_AndASilentOneIsClosedAfterAMinute()
    {
        var stream = await nova.Api.CreateStreamAsync();
        await using var talking = await stream.WatchAsync();
        await using var silent = await stream.WatchAsync(gateway: 1);
        var connected = (await talking.WaitForAsync(EventNames.ConnectionEstablished)).ReceivedAt;
        var silentSince = (await silent.WaitForAsync(EventNames.ConnectionEstablished)).ReceivedAt;
        var closed = Task.Run(async () =>
        {
            var code = await silent.WaitForCloseAsync(TimeSpan.FromSeconds(80));
            return (code, Stopwatch.GetElapsedTime(silentSince));
        });
        for (var pong = 1; pong <= 4; pong++)
        {
            await Task.Delay(TimeSpan.FromSeconds(30) - (Stopwatch.GetElapsedTime(connected) - TimeSpan.FromSeconds(30 * (pong - 1))));
            await talking.SendAsync("""{"event":"pong","data":{"timestamp":"2025-10-21T10:50:00.500Z"}}""");
        }

        var ping = await talking.WaitForAsync(EventNames.Ping, data => data.GetProperty("sequence").GetInt64() == 4);
        var pings = talking.Frames.Where(frame => frame.Event == EventNames.Ping).ToList();
        Assert.Equal([1, 2, 3, 4], pings.Select(frame => frame.Number("sequence")));
        foreach (var frame in pings)
        {
            Assert.InRange(Stopwatch.GetElapsedTime(connected, frame.ReceivedAt).TotalSeconds - (30 * frame.Number("sequence")), -1, 1);
        }

        Assert.Null(talking.CloseCode);
        var (code, after) = await closed;
        Assert.Equal(4408, code);
        Assert.InRange(after.TotalSeconds, 59, 66);
        await talking.WaitForAsync(EventNames.ViewerCountChanged, count => count.GetProperty("change").GetInt32() == -1);
    }
}
