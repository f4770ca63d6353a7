using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Nova.Tests.Support;

/// <summary>
/// A TCP proxy that simulates network faults: it delays every byte, and while stopped it breaks the open connections and refuses new ones.
/// </summary>
public sealed class TcpProxy : IAsyncDisposable
{
    private readonly TimeSpan _delay;
    private readonly ConcurrentDictionary<Socket, byte> _sockets = [];
    private readonly int _port;
    private volatile Uri? _target;
    private volatile Socket? _listener;

    /// <param name="target">The server; <see cref="SetTarget"/> can set it later.</param>
    /// <param name="delay">Delay of each byte, in each direction.</param>
    public TcpProxy(Uri? target = null, TimeSpan delay = default)
    {
        _target = target;
        _delay = delay;
        _listener = Listen(0);
        _port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        _ = AcceptAsync(_listener);
    }

    public Uri Address => new($"http://127.0.0.1:{_port}");

    public void SetTarget(Uri target) => _target = target;

    public void Stop()
    {
        Interlocked.Exchange(ref _listener, null)?.Dispose();
        foreach (var socket in _sockets.Keys)
        {
            socket.Dispose();
        }
    }

    public void Start()
    {
        var listener = Listen(_port);
        _listener = listener;
        _ = AcceptAsync(listener);
    }

    public ValueTask DisposeAsync()
    {
        Stop();
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
            // The proxy was stopped.
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
            // One connection broke; the using statements break the other.
        }
        finally
        {
            _sockets.TryRemove(client, out var _);
            _sockets.TryRemove(server, out var _);
        }
    }

    /// <summary>Continues to read while earlier bytes are delayed, so that the delay does not limit the throughput.</summary>
    private async Task CopyAsync(Socket from, Socket to)
    {
        var inFlight = Channel.CreateBounded<(long At, byte[] Bytes)>(256);
        var writing = WriteAsync(inFlight.Reader, to);
        try
        {
            var buffer = new byte[16 * 1024];
            while (await from.ReceiveAsync(buffer) is var count and > 0)
            {
                await inFlight.Writer.WriteAsync((Stopwatch.GetTimestamp(), buffer[..count]));
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or ChannelClosedException)
        {
            to.Dispose(); // Forwards a reset as a reset.
        }
        finally
        {
            inFlight.Writer.TryComplete();
            await writing;
        }
    }

    private async Task WriteAsync(ChannelReader<(long At, byte[] Bytes)> inFlight, Socket to)
    {
        try
        {
            await foreach (var (at, bytes) in inFlight.ReadAllAsync())
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
            // The other side has disconnected; the reader notices it on its own socket.
        }
    }
}
