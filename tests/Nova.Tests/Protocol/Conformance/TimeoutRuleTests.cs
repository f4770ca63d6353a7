using System.Diagnostics;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>1.12: the minute of silence.</summary>
[LongRunning]
public sealed class TimeoutRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task R96_SilentClient_IsClosedAfterSixtySecondsAndCountedNoMore()
    {
        var stream = await Api.CreateStreamAsync();
        await using var watching = await stream.WatchAsync();
        await using var silent = await stream.WatchAsync(gateway: 1);
        await watching.WaitForCountAsync(2);
        await watching.WaitForPingAsync(1);
        await watching.PongAsync(1);
        Assert.Equal(4408, await silent.WaitForCloseAsync(TimeSpan.FromSeconds(75)));
        Ask.AssertIdleTimeout(Stopwatch.GetElapsedTime(silent.Frames[0].ReceivedAt));
        var left = await watching.WaitForAsync(EventNames.ViewerCountChanged, count => count.GetProperty("change").GetInt32() == -1);
        Assert.Equal(1, left.Number("viewer_count"));
    }
}

public sealed class ReconnectRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task R97_Reconnect_GetsANewSessionId()
    {
        var stream = await Api.StartStreamAsync();
        var token = await Api.TokenAsync("comes back");
        HashSet<string> sessions = [];
        HashSet<string> viewers = [];
        for (var i = 0; i < 20; i++)
        {
            await using var viewer = await stream.WatchAsync(i % 2, token);
            var greeting = await viewer.WaitForAsync(EventNames.ConnectionEstablished);
            sessions.Add(greeting.Text("session_id"));
            viewers.Add(greeting.Text("viewer_id"));
            if (i % 2 == 0)
            {
                await viewer.CloseAsync();
            }
        }

        Assert.Equal((20, 1), (sessions.Count, viewers.Count));
    }
}
