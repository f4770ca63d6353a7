using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Nova.Tests.Support.Faults;

/// <summary>
/// The network between two processes: a TCP proxy that can be cut, shut or frozen. A frozen link keeps its connections open and carries
/// nothing, not even their end, as a network does that drops packets; what it held arrives after the thaw.
/// </summary>
public sealed class Link : IAsyncDisposable
{
    private readonly ConcurrentDictionary<LinkConnection, byte> _connections = [];
    private volatile Socket? _listener;
    private volatile bool _freezesNew;
    private int _target;

    /// <param name="target">The port that it leads to; <see cref="LeadTo"/> may set it later.</param>
    public Link(int target = 0)
    {
        _target = target;
        _listener = Listen(0);
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
    }

    public int Port { get; }

    public Uri Address => new($"http://127.0.0.1:{Port}");

    /// <summary>Sees what clients send and may return something of the same length in its place.</summary>
    public Func<byte[], byte[]>? Rewrite { get; set; }

    /// <summary>From now on new connections lead there.</summary>
    public void LeadTo(int target) => Volatile.Write(ref _target, target);

    /// <summary>Existing connections and new ones carry nothing.</summary>
    public void Freeze()
    {
        _freezesNew = true;
        FreezeExisting();
    }

    /// <summary>Existing connections carry nothing; new ones work.</summary>
    /// <param name="which">Only connections whose client has sent this text, such as <c>SUBSCRIBE</c>.</param>
    public void FreezeExisting(string which = "")
    {
        foreach (var connection in _connections.Keys.Where(connection => connection.HasSent(which)))
        {
            connection.Freeze();
        }
    }

    /// <summary>Everything arrives that was held back.</summary>
    public void Thaw()
    {
        _freezesNew = false;
        foreach (var connection in _connections.Keys)
        {
            connection.Thaw();
        }
    }

    /// <summary>Resets every connection; new ones are accepted at once.</summary>
    public void Cut()
    {
        foreach (var connection in _connections.Keys)
        {
            connection.Dispose();
        }
    }

    /// <summary>Resets every connection and refuses new ones.</summary>
    public void Shut()
    {
        Interlocked.Exchange(ref _listener, null)?.Dispose();
        Cut();
    }

    /// <summary>Works again after any of these.</summary>
    public void Heal()
    {
        Rewrite = null;
        Thaw();
        _listener ??= Listen(Port);
    }

    public ValueTask DisposeAsync()
    {
        Shut();
        return ValueTask.CompletedTask;
    }

    private Socket Listen(int port)
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        listener.Listen(1024);
        _ = AcceptAsync(listener);
        return listener;
    }

    private async Task AcceptAsync(Socket listener)
    {
        try
        {
            while (true)
            {
                _ = ForwardAsync(await listener.AcceptAsync());
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // Shut.
        }
    }

    private async Task ForwardAsync(Socket client)
    {
        using var connection = new LinkConnection(client, bytes => Rewrite?.Invoke(bytes) ?? bytes);
        if (_freezesNew)
        {
            connection.Freeze();
        }

        _connections.TryAdd(connection, 0);
        await connection.RunAsync(() => Volatile.Read(ref _target));
        _connections.TryRemove(connection, out var _);
    }
}
