using System.Diagnostics;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Adversarial;

/// <summary>Abuses of the closing handshake (F9): the socket is gone in 5 s, and counted out once.</summary>
public sealed class CloseAbuseTests(NovaFixture nova, ITestOutputHelper output)
{
    /// <summary>A busy machine's share on top of the 5 s of F9.</summary>
    private static readonly TimeSpan Gone = TimeSpan.FromSeconds(12);

    private static readonly Dictionary<string, Func<RawViewer, Task>> Abuses = new()
    {
        ["close code 0"] = viewer => viewer.WriteAsync(RawFrame.OfClose(0)),
        ["close code 999"] = viewer => viewer.WriteAsync(RawFrame.OfClose(999)),
        ["close code 1005"] = viewer => viewer.WriteAsync(RawFrame.OfClose(1005)),
        ["close code 5000"] = viewer => viewer.WriteAsync(RawFrame.OfClose(5000)),
        ["close and nothing else"] = viewer => viewer.WriteAsync(RawFrame.OfClose(1000)),
        ["close twice"] = viewer => viewer.WriteAsync([RawFrame.OfClose(1000), RawFrame.OfClose(1001)]),
        ["close, then messages"] = async viewer =>
        {
            await viewer.WriteAsync(RawFrame.OfClose(1000));
            await DripAsync(viewer, RawFrame.OfText("""{"event":"get_stream_info","data":{"request_id":"late"}}"""), TimeSpan.FromSeconds(6));
        },
        ["half a message, then close"] = viewer => viewer.WriteAsync([RawFrame.OfText("{", fin: false), RawFrame.OfClose(1000)]),
        ["half a frame, then the end of sending"] = async viewer =>
        {
            await viewer.WriteAsync(RawFrame.Header(RawFrame.Text, 1000));
            viewer.EndWriting();
        },
    };

    public static TheoryData<string> AbuseNames => [.. Abuses.Keys];

    [Theory]
    [MemberData(nameof(AbuseNames))]
    public async Task ClosingHandshake_Abused_EndsTheSocketInTime_AndIsCountedOutOnce(string name)
    {
        const int AtOnce = 5;
        var stream = await nova.Api.StartStreamAsync();
        var token = await nova.Api.TokenAsync();
        await using var watching = await stream.WatchAsync();
        var viewers = await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(_ => RawViewer.WatchAsync(nova.Stack.Gateways[0], stream.Id, token)));
        await watching.WaitForAsync(EventNames.ViewerCountChanged, count => count.GetProperty("viewer_count").GetInt32() == AtOnce + 1);
        await Task.WhenAll(viewers.Select(async viewer =>
        {
            var started = Stopwatch.GetTimestamp();
            var abusing = Abuses[name](viewer);
            var transcript = await viewer.ReadToEndAsync(within: Gone);
            output.WriteLine($"{transcript.CloseCode} after {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s: {transcript.Ending}");
            await abusing;
            await viewer.DisposeAsync();
        }));
        await AssertCountedOutOnceAsync(watching, AtOnce);
    }

    /// <summary>The server's own close, after a kick, at a client that goes on as if it had not come.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ServersClose_NeverAnswered_EndsTheSocketInTime_AndIsCountedOutOnce(bool keepsSending)
    {
        var stream = await nova.Api.StartStreamAsync();
        await using var watching = await stream.WatchAsync();
        await using var viewer = await RawViewer.OpenAsync(nova.Stack.Gateways[0]);
        var token = await nova.Api.TokenAsync($"stubborn-{Guid.CreateVersion7():N}");
        await viewer.UpgradeAsync(RawViewer.Request(nova.Stack.Gateways[0], $"{stream.Path}/ws?token={token}"));
        var viewerId = (await viewer.ReadAsync())!.AsMessage().Text("viewer_id");
        await watching.WaitForAsync(EventNames.ViewerCountChanged, count => count.GetProperty("viewer_count").GetInt32() == 2);

        var started = Stopwatch.GetTimestamp();
        await nova.Api.SendAsync(HttpMethod.Delete, $"{stream.Path}/viewers/{viewerId}", null, stream.Token);
        var sending = keepsSending ? DripAsync(viewer, RawFrame.OfText("""{"event":"pong"}"""), Gone) : Task.CompletedTask;
        var transcript = await viewer.ReadToEndAsync(within: Gone);
        output.WriteLine($"{transcript.CloseCode} and gone after {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s: {transcript.Ending}");
        Assert.Equal(4403, transcript.CloseCode);
        await sending;
        await AssertCountedOutOnceAsync(watching, 1);
    }

    /// <summary>Found so: a client that hung up at the right moment left its place taken for good.</summary>
    [Fact]
    public async Task HangingUpDuringTheHandshake_AgainAndAgain_KeepsNoPlace()
    {
        await using var gateway = await OwnService.StartGatewayAsync(nova.Stack, new Dictionary<string, string?>
        {
            ["Gateway:UnlimitedClients"] = "192.0.2.1",
            ["Gateway:MaxConnectionsPerViewer"] = "3",
            ["Gateway:UpgradesPerSecond"] = "10000",
            ["Gateway:UpgradesBurst"] = "10000",
        });
        var stream = await nova.Api.CreateStreamAsync();
        var path = $"{stream.Path}/ws?token={OwnService.Token("hasty")}";
        for (var i = 0; i < 100; i++)
        {
            await using var client = await RawViewer.OpenAsync(gateway.Address);
            await client.WriteAsync(System.Text.Encoding.ASCII.GetBytes(RawViewer.Request(gateway.Address, path)));
        }

        using var http = new HttpClient { BaseAddress = gateway.Address };
        await Eventually.TrueAsync(async () => (int)(await http.GetAsync(path)).StatusCode == 426, "all places are free again");
    }

    private static async Task DripAsync(RawViewer viewer, byte[] frame, TimeSpan howLong)
    {
        var started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < howLong && viewer.Ending is null && await viewer.WriteAsync(frame))
        {
            await Task.Delay(20);
        }
    }

    private static async Task AssertCountedOutOnceAsync(Viewer watching, int gone)
    {
        List<Frame> Counts() => [.. watching.Frames.Where(frame => frame.Event == EventNames.ViewerCountChanged)];
        await Eventually.TrueAsync(() => Task.FromResult(Counts()[^1].Number("viewer_count") == 1), "only the one who watches is counted");
        Assert.DoesNotContain(Counts(), frame => frame.Number("viewer_count") < 1);
        Assert.Equal(-gone, Counts().Sum(frame => Math.Min(0, frame.Number("change"))));
        Assert.Null(watching.CloseCode);
    }
}
