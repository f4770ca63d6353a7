using System.Net;
using System.Net.Sockets;
using Nova.Tests.Support;

namespace Nova.Tests.Gateway.Admission;

public sealed class PendingConnectionsTests(NovaFixture nova)
{
    /// <summary>Was: whoever opened as many silent sockets as the gateway allows in all kept everybody else out.</summary>
    [Fact]
    public async Task OneAddressWithSilentSockets_KeepsNobodyElseOut()
    {
        await using var gateway = await OwnService.StartGatewayAsync(nova.Stack, new Dictionary<string, string?>
        {
            ["Gateway:UnlimitedClients"] = "",
            ["Gateway:MaxPendingConnectionsPerAddress"] = "5",
        });
        List<Socket> silent = [];
        try
        {
            for (var i = 0; i < 20; i++)
            {
                silent.Add(await ConnectAsync(IPAddress.Parse("127.0.0.2"), gateway.Address));
            }

            await Eventually.TrueAsync(() => Task.FromResult(silent.Count(IsClosed) == 15), "fifteen of twenty sockets were closed");
            using var other = await ConnectAsync(IPAddress.Parse("127.0.0.3"), gateway.Address);
            Assert.StartsWith("HTTP/1.1 200", await AskAsync(other));
            silent.First(socket => !IsClosed(socket)).Dispose();
            await Eventually.TrueAsync(async () =>
            {
                using var next = await ConnectAsync(IPAddress.Parse("127.0.0.2"), gateway.Address);
                return (await AskAsync(next)).StartsWith("HTTP/1.1 200", StringComparison.Ordinal);
            }, "the address has a place again");
        }
        finally
        {
            silent.ForEach(socket => socket.Dispose());
        }
    }

    private static async Task<Socket> ConnectAsync(IPAddress from, Uri to)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(from, 0));
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, to.Port);
        }
        catch (SocketException)
        {
            socket.Dispose(); // It was closed before it was open.
        }

        return socket;
    }

    private static bool IsClosed(Socket socket)
    {
        try
        {
            return socket.Poll(0, SelectMode.SelectRead) && socket.Available == 0;
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            return true;
        }
    }

    private static async Task<string> AskAsync(Socket socket)
    {
        try
        {
            await socket.SendAsync("GET /alive HTTP/1.1\r\nHost: nova\r\nConnection: close\r\n\r\n"u8.ToArray());
            var buffer = new byte[256];
            return System.Text.Encoding.ASCII.GetString(buffer, 0, await socket.ReceiveAsync(buffer));
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            return ""; // The gateway closed it, here or before it was open.
        }
    }
}
