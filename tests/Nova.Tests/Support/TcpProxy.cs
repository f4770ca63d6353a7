using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Nova.Tests.Support;

/// <summary>
/// A TCP proxy on a port of its own, for what networks do: it delays every byte, or is shut, which breaks what goes through it and refuses
/// what wants to.
/// </summary>
public sealed class Door : IAsyncDisposable
{
    private readonly TimeSpan _delay;
    private readonly ConcurrentDictionary<Socket, byte> _sockets = [];
    private readonly int _port;
    private volatile Uri? _target;
    private volatile Socket? _listener;

    /// <param name="target">Where it leads; may be told later by <see cref="LeadTo"/>.</param>
    /// <param name="delay">Of each byte, each way.</param>
    public Door(Uri? target = null, TimeSpan delay = default)
    {
        _target = target;
        _delay = delay;
        _listener = Listen(0);
        _port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        _ = AcceptAsync(_listener);
    }

    public Uri Address => new($"http://127.0.0.1:{_port}");

    public void LeadTo(Uri target) => _target = target;

    public void Shut()
    {
        Interlocked.Exchange(ref _listener, null)?.Dispose();
        foreach (var socket in _sockets.Keys)
        {
            socket.Dispose();
        }
    }

    public void Open()
    {
        var listener = Listen(_port);
        _listener = listener;
        _ = AcceptAsync(listener);
    }

    public ValueTask DisposeAsync()
    {
        Shut();
        return ValueTask.CompletedTask;
    }

    private static Socket Listen(int port)
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        listener.Listen();
        return listener;
    }

    private async Task AcceptAsync(Socket listener)
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptAsync();
                _ = ForwardAsync(client);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // Shut.
        }
    }

    private async Task ForwardAsync(Socket client)
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var _ = client;
        client.NoDelay = true;
        _sockets.TryAdd(client, 0);
        _sockets.TryAdd(server, 0);
        try
        {
            await server.ConnectAsync(_target!.Host, _target.Port);
            if (_listener is not null)
            {
                await Task.WhenAll(CopyAsync(client, server), CopyAsync(server, client));
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // One side broke, and the other breaks with it.
        }
        finally
        {
            _sockets.TryRemove(client, out var _);
            _sockets.TryRemove(server, out var _);
        }
    }

    /// <summary>Reads on while what was read before still waits: a delay is no limit to the throughput.</summary>
    private async Task CopyAsync(Socket from, Socket to)
    {
        var underWay = Channel.CreateBounded<(long At, byte[] Bytes)>(256);
        var writing = WriteAsync(underWay.Reader, to);
        try
        {
            var buffer = new byte[16 * 1024];
            while (await from.ReceiveAsync(buffer) is var count and > 0)
            {
                await underWay.Writer.WriteAsync((Stopwatch.GetTimestamp(), buffer[..count]));
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or ChannelClosedException)
        {
            to.Dispose(); // A reset is passed on as one.
        }
        finally
        {
            underWay.Writer.TryComplete();
            await writing;
        }
    }

    private async Task WriteAsync(ChannelReader<(long At, byte[] Bytes)> underWay, Socket to)
    {
        try
        {
            await foreach (var (at, bytes) in underWay.ReadAllAsync())
            {
                if (_delay - Stopwatch.GetElapsedTime(at) is var left && left > TimeSpan.Zero)
                {
                    await Task.Delay(left);
                }

                for (var sent = 0; sent < bytes.Length;)
                {
                    sent += await to.SendAsync(bytes.AsMemory(sent));
                }
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The other side has gone; the reader notices by its own socket.
        }
    }
}
