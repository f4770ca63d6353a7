using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>Gets each text message that the server sends on one connection; what it sends is what the client gets.</summary>
internal delegate Task MessageSabotage(string message, Func<string, Task> send);

/// <summary>What a <see cref="Saboteur"/> does to a system's answers. By default nothing.</summary>
internal sealed record Sabotage
{
    /// <summary>Makes one connection's sabotage, with a memory of its own.</summary>
    public Func<MessageSabotage> Messages { get; init; } = () => (message, send) => send(message);

    /// <summary>The request's first line and the answer's head, which ends with an empty line; returns the head to send.</summary>
    public Func<string, string, string> Head { get; init; } = (_, head) => head;

    /// <summary>The server's close code; returns the one to send, or null to keep the close from the client.</summary>
    public Func<int, int?> Close { get; init; } = code => code;
}

/// <summary>
/// A proxy in front of a gateway that makes a right system look wrong, so that a rule's test can be seen to fail. Knows Nova's framing, which
/// is simple: no fragments, no extensions.
/// </summary>
internal sealed class Saboteur : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentBag<Task> _connections = [];
    private readonly Uri _gateway;
    private readonly Sabotage _sabotage;
    private readonly Task _accepting;

    public Saboteur(Uri gateway, Sabotage sabotage)
    {
        _gateway = gateway;
        _sabotage = sabotage;
        _listener.Start(512); // A storm of connects must not wait for its second SYN.
        Address = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");
        _accepting = AcceptAsync();
    }

    public Uri Address { get; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _accepting;
        await Task.WhenAll(_connections);
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        using var server = new TcpClient { NoDelay = true };
        using (client)
        {
            client.NoDelay = true;
            try
            {
                await server.ConnectAsync(_gateway.Host, _gateway.Port, ends.Token);
                var fromClient = new BufferedStream(client.GetStream());
                var request = await ReadHeadAsync(fromClient, ends.Token);
                await server.GetStream().WriteAsync(Encoding.ASCII.GetBytes(OneExchange(request)), ends.Token);
                var up = CopyUpAsync(fromClient, server, ends);
                await DownAsync(request.Split("\r\n")[0], server, client, ends.Token);
                client.Client.Shutdown(SocketShutdown.Send);
                await up;
            }
            catch (Exception exception) when (exception is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // Either end broke, which the other is told by the same.
            }
            finally
            {
                await ends.CancelAsync();
            }
        }
    }

    /// <summary>
    /// Plain requests get a connection each: every answer is then the first of its connection, and its head is found without counting bodies.
    /// </summary>
    private static string OneExchange(string head) => head.Contains("\r\nUpgrade:", StringComparison.OrdinalIgnoreCase)
        ? head
        : head.Insert(head.IndexOf("\r\n", StringComparison.Ordinal), "\r\nConnection: close");

    /// <summary>What the client sends, its end and its reset included, is passed on as it is.</summary>
    private static async Task CopyUpAsync(BufferedStream fromClient, TcpClient server, CancellationTokenSource ends)
    {
        try
        {
            await fromClient.CopyToAsync(server.GetStream(), ends.Token);
            server.Client.Shutdown(SocketShutdown.Send);
        }
        catch (Exception exception) when (exception is IOException or SocketException or ObjectDisposedException)
        {
            await ends.CancelAsync();
        }
    }

    private async Task DownAsync(string requestLine, TcpClient server, TcpClient client, CancellationToken cancellationToken)
    {
        var (from, to) = (new BufferedStream(server.GetStream()), client.GetStream());
        var head = await ReadHeadAsync(from, cancellationToken);
        await to.WriteAsync(Encoding.ASCII.GetBytes(_sabotage.Head(requestLine, head)), cancellationToken);
        if (!head.StartsWith("HTTP/1.1 101", StringComparison.Ordinal))
        {
            await from.CopyToAsync(to, cancellationToken);
            return;
        }

        var sabotage = _sabotage.Messages();
        while (await ReadFrameAsync(from, cancellationToken) is { } frame)
        {
            if (frame.Opcode == RawFrame.Text)
            {
                await sabotage(frame.AsText, text => SendAsync(RawFrame.Text, Encoding.UTF8.GetBytes(text)));
            }
            else if (frame.Opcode != RawFrame.Close)
            {
                await SendAsync(frame.Opcode, frame.Payload);
            }
            else if (_sabotage.Close(BinaryPrimitives.ReadUInt16BigEndian(frame.Payload)) is { } code)
            {
                await SendAsync(RawFrame.Close, [(byte)(code >> 8), (byte)code, .. frame.Payload.AsSpan(2)]);
            }
        }

        async Task SendAsync(int opcode, byte[] payload) =>
            await to.WriteAsync(RawFrame.Build(opcode, payload, masked: false), cancellationToken);
    }

    private static async Task<string> ReadHeadAsync(BufferedStream from, CancellationToken cancellationToken)
    {
        var (head, next) = (new StringBuilder(), new byte[1]);
        while (!(head.Length >= 4 && head[^1] == '\n' && head[^2] == '\r' && head[^3] == '\n'))
        {
            await from.ReadExactlyAsync(next, cancellationToken);
            head.Append((char)next[0]);
        }

        return head.ToString();
    }

    /// <returns>Null at the connection's end.</returns>
    private static async Task<RawFrame?> ReadFrameAsync(BufferedStream from, CancellationToken cancellationToken)
    {
        var head = new byte[10];
        if (await from.ReadAtLeastAsync(head.AsMemory(0, 2), 2, throwOnEndOfStream: false, cancellationToken) < 2)
        {
            return null;
        }

        ulong length = head[1];
        if (length == 126)
        {
            await from.ReadExactlyAsync(head.AsMemory(2, 2), cancellationToken);
            length = BinaryPrimitives.ReadUInt16BigEndian(head.AsSpan(2));
        }
        else if (length == 127)
        {
            await from.ReadExactlyAsync(head.AsMemory(2, 8), cancellationToken);
            length = BinaryPrimitives.ReadUInt64BigEndian(head.AsSpan(2));
        }

        var payload = new byte[length];
        await from.ReadExactlyAsync(payload, cancellationToken);
        return new RawFrame(head[0] & 0x0F, payload);
    }
}
