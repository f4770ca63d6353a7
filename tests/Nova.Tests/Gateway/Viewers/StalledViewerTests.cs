using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.Tests.Support;
using StackExchange.Redis;

namespace Nova.Tests.Gateway.Viewers;

/// <summary>
/// A viewer who stops reading and comes back is told what it missed, and is shown little of the past (R109, R110). What its own kernel took in
/// before it stalled cannot be taken back; everything on Nova's side, the backlog included, holds less than 10 s of events.
/// </summary>
public sealed class StalledViewerTests(NovaFixture nova)
{
    private const int EventsPerSecond = 30;
    private const int Published = 25 * EventsPerSecond;

    [Fact]
    public async Task ViewerWhoStalls_ThenReads_GetsANoticeThatAddsUp_LessThanTenSecondsOfThePast_AndTheNewestLast()
    {
        var stream = await nova.Api.StartStreamAsync();
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (context, token) =>
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096, NoDelay = true };
                await socket.ConnectAsync(context.DnsEndPoint, token);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        using var invoker = new HttpMessageInvoker(handler);
        using var viewer = new ClientWebSocket();
        await viewer.ConnectAsync(Viewer.Address(nova.Stack.Gateways[0], stream.Id, await nova.Api.TokenAsync()), invoker, CancellationToken.None);

        await using var healthy = await stream.WatchAsync();
        await using var redis = await ConnectionMultiplexer.ConnectAsync(nova.Stack.ConnectionString("redis"));
        var version = (await stream.GetAsync()).Number("version");
        for (var number = 1; number <= Published; number++)
        {
            await redis.GetSubscriber().PublishAsync(
                RedisChannel.Literal(LiveKeys.Channel(Guid.Parse(stream.Id))), ChannelEvents.Quality(stream.Id, ++version, number));
        }

        // The one who reads has it all, so the other has what it will get.
        await healthy.WaitForAsync(EventNames.QualityChanged, change => change.GetProperty("new_bitrate_kbps").GetInt32() == Published);

        var (received, dropped) = (0, 0);
        for (var last = 0; last < Published;)
        {
            var (name, data) = await ReadAsync(viewer);
            if (name == EventNames.QualityChanged)
            {
                received++;
                last = data.GetProperty("new_bitrate_kbps").GetInt32();
            }
            else if (name == EventNames.Error && data.GetProperty("error_code").GetString() == ErrorCodes.MessagesDropped)
            {
                dropped += data.GetProperty("dropped_count").GetInt32();
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{Published} published, {received} received, {dropped} dropped");
        Assert.True(dropped > 0);
        Assert.InRange(received + dropped, Published, Published + 1); // The newest dropped quality comes again as the present state.
        Assert.InRange(received, 1, 10 * EventsPerSecond);
    }

    private static async Task<(string Name, JsonElement Data)> ReadAsync(ClientWebSocket viewer)
    {
        var buffer = new byte[8192];
        using var timeout = new CancellationTokenSource(Api.Patience);
        var result = await viewer.ReceiveAsync(buffer.AsMemory(), timeout.Token);
        Assert.Equal(WebSocketMessageType.Text, result.MessageType);
        var root = JsonElement.Parse(Encoding.UTF8.GetString(buffer, 0, result.Count));
        return (root.GetProperty("event").GetString()!, root.GetProperty("data"));
    }
}
