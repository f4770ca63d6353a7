using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Adversarial;

/// <summary>Connections that say nothing, or so slowly that they would never have said it (F2, F3): cut off in time, at nobody's cost.</summary>
public sealed class SlowConnectionTests(NovaFixture nova)
{
    private const int Connections = 200;

    [Theory]
    [InlineData("")]
    [InlineData("GET /api/v1/streams/x/ws HTTP/1.1\r\nHost: a\r\nX-Slow: ")]
    public async Task ARequestThatNeverComes_IsCutOff_AndOthersConnectMeanwhile(string beginning)
    {
        await using var gateway = await OwnService.StartGatewayAsync(nova.Stack, new Dictionary<string, string?>
        {
            ["Gateway:FirstByteTimeout"] = "00:00:03",
            ["Gateway:RequestHeadTimeout"] = "00:00:03",
        });
        var stream = await nova.Api.CreateStreamAsync();
        var started = Stopwatch.GetTimestamp();
        var sockets = await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => OpenAsync(gateway.Address, beginning)));
        var cut = Task.WhenAll(sockets.Select(socket => DribbleAsync(socket, beginning.Length > 0)));

        await using var healthy = await gateway.WatchAsync(stream);
        await healthy.WaitForAsync(EventNames.ConnectionEstablished);
        await cut.WaitAsync(TimeSpan.FromSeconds(25));
        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalSeconds, 2.5, 25);
        Assert.Null(healthy.CloseCode);
    }

    private static async Task<Socket> OpenAsync(Uri gateway, string beginning)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(gateway.Host, gateway.Port);
        await socket.SendAsync(Encoding.ASCII.GetBytes(beginning));
        return socket;
    }

    /// <summary>Goes on, a byte at a time, until it is cut off.</summary>
    private static async Task DribbleAsync(Socket socket, bool speaks)
    {
        using var _ = socket;
        var buffer = new byte[1024];
        var received = socket.ReceiveAsync(buffer);
        try
        {
            while (speaks && !received.IsCompleted)
            {
                await socket.SendAsync("x"u8.ToArray());
                await Task.WhenAny(received, Task.Delay(250));
            }

            while (await received > 0)
            {
                received = socket.ReceiveAsync(buffer); // An answer 408 may come before the end.
            }
        }
        catch (SocketException)
        {
            // Reset, which is an end as well.
        }
    }
}
