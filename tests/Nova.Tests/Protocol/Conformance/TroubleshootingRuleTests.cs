using System.Diagnostics;
using System.Net;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

// 1.13: the troubleshooting table, row by row. The slow rows are classes of their own.

public sealed class ExpiredTokenRuleTests(NovaFixture nova) : RuleTests(nova)
{
    /// <summary>A token may be up to 30 s past its time (S29), so this one is waited for.</summary>
    [Fact]
    public async Task R108_ExpiredToken_Is401ThatSaysSo()
    {
        var stream = await Api.StartStreamAsync();
        var path = $"{stream.Path}/ws?token={await Api.TokenAsync(ttlSeconds: 1)}";
        await Eventually.TrueAsync(
            async () => (await Api.RefusalAsync(path)).Status == HttpStatusCode.Unauthorized, "the token has expired", TimeSpan.FromSeconds(45));
        var refused = await Api.RefusalAsync(path);
        Assert.Equal((HttpStatusCode.Unauthorized, ErrorCodes.ConnectionRejected), (refused.Status, refused.ErrorCode));
        Assert.Contains("expired", refused.Text("detail"));
        Assert.Contains("expired", refused.Headers["WWW-Authenticate"]);
        await Ask.AssertUpgradeRefusedAsync(Api.Gateways[1], path, HttpStatusCode.Unauthorized);
    }
}

public sealed class TroubleshootingRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Theory]
    [InlineData("not-a-uuid")]
    [InlineData("550e8400e29b41d4a716446655440000")]
    [InlineData("550e8400-e29b-41d4-a716-44665544000")]
    [InlineData("550e8400-e29b-41d4-a716-44665544000g")]
    public async Task R108b_MalformedStreamId_Is404(string id) => await Ask.AssertUpgradeRefusedAsync(
        Api.Gateways[0], $"/api/v1/streams/{id}/ws?token={await Api.TokenAsync()}", HttpStatusCode.NotFound);

    /// <summary>A client that looks only now and then finds all of it, in order.</summary>
    [Fact]
    public async Task R108e_ClientThatBuffers_StillReadsInOrder()
    {
        const int Events = 200;
        var stream = await Api.StartStreamAsync();
        await using var pace = await stream.WatchAsync();
        await using var viewer = await RawViewer.WatchAsync(Api.Gateways[1], stream.Id, await Api.TokenAsync());
        for (var number = 1; number <= Events; number++)
        {
            await stream.ChangeQualityAsync(number);
            if (number % (Events / 4) == 0)
            {
                await pace.WaitForChangeAsync(number);
                var ledger = await Ledger.ReadAsync(viewer, number);
                Assert.Equal(Enumerable.Range(number - (Events / 4) + 1, Events / 4), ledger.Changes.Select(change => change.Number("new_bitrate_kbps")));
            }
        }
    }
}

[LongRunning]
public sealed class SlowNetworkRuleTests(NovaFixture nova) : RuleTests(nova)
{
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(300);

    /// <summary>A proxy makes the delay; it cannot lose packets, since TCP would make up for what the kernel between them lost.</summary>
    [Fact]
    public async Task R108c_SlowNetwork_IsNoReasonForTheServerToClose()
    {
        await using var network = new TcpProxy(Api.Gateways[0], Delay);
        var stream = await Api.StartStreamAsync();
        await using var viewer = await Viewer.ConnectAsync(network.Address, stream.Id, await Api.TokenAsync());
        for (var ping = 1; ping <= 5; ping++)
        {
            await viewer.WaitForPingAsync(ping);
            await viewer.PongAsync(ping);
            await stream.ChangeQualityAsync(ping);
            var asked = Stopwatch.GetTimestamp();
            await viewer.InfoAsync();
            Assert.True(Stopwatch.GetElapsedTime(asked) > 2 * Delay * 0.95, "The network is not slow.");
        }

        Assert.Null(viewer.CloseCode);
        Assert.Equal(Enumerable.Range(1, 5), viewer.Of(EventNames.QualityChanged).Select(change => change.Number("new_bitrate_kbps")));
    }
}

[LongRunning]
public sealed class LatePongRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task R108d_PongNineSecondsLate_IsNoReasonToClose()
    {
        await using var viewer = await (await Api.StartStreamAsync()).WatchAsync(gateway: 1);
        for (var sequence = 1; sequence <= 3; sequence++)
        {
            var ping = await viewer.WaitForPingAsync(sequence);
            await Task.Delay(TimeSpan.FromSeconds(9) - Stopwatch.GetElapsedTime(ping.ReceivedAt)); // The rule's own 9 s.
            await viewer.PongAsync(sequence);
        }

        await viewer.InfoAsync();
        Assert.Null(viewer.CloseCode);
    }
}
