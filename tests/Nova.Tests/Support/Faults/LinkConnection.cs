using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Nova.Tests.Support.Faults;

/// <summary>One connection through a <see cref="Link"/>. While it is frozen neither bytes nor the end of one side reach the other side.</summary>
internal sealed class LinkConnection(Socket client, Func<byte[], byte[]> rewrite) : IDisposable
{
    /// <summary>Enough to find the command that tells a client's connections apart.</summary>
    private const int Remembered = 4096;

    private readonly Socket _server = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly StringBuilder _sent = new();
    private TaskCompletionSource? _frozen;
    private volatile bool _isDisposed;

    public void Freeze() => Interlocked.CompareExchange(ref _frozen, new(TaskCreationOptions.RunContinuationsAsynchronously), null);

    public void Thaw() => Interlocked.Exchange(ref _frozen, null)?.TrySetResult();

    /// <summary>Whether the first bytes that the client sent hold this text.</summary>
    public bool HasSent(string text)
    {
        lock (_sent)
        {
            return _sent.ToString().Contains(text, StringComparison.Ordinal);
        }
    }

    public async Task RunAsync(Func<int> target)
    {
        client.NoDelay = true;
        try
        {
            await ThawedAsync();
            await _server.ConnectAsync(IPAddress.Loopback, target());
            await Task.WhenAll(CopyAsync(client, _server, Inspect), CopyAsync(_server, client, bytes => bytes));
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            Reset(client); // The target refused, or the link was cut.
        }
    }

    public void Dispose()
    {
        _isDisposed = true;
        Reset(client);
        Reset(_server);
        Thaw(); // Whoever waits finds its sockets gone.
    }

    private async Task ThawedAsync()
    {
        while (Volatile.Read(ref _frozen) is { } frozen)
        {
            await frozen.Task;
        }
    }

    private async Task CopyAsync(Socket from, Socket to, Func<byte[], byte[]> inspect)
    {
        var buffer = new byte[64 * 1024];
        while (true)
        {
            var count = await ReceiveAsync(from, buffer);
            await ThawedAsync();
            try
            {
                if (count <= 0)
                {
                    End(to, count);
                    return;
                }

                for (var rest = inspect(buffer[..count]).AsMemory(); rest.Length > 0;)
                {
                    rest = rest[await to.SendAsync(rest)..];
                }
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                Reset(from); // The other side has gone, so this one must not wait for it.
                return;
            }
        }
    }

    /// <returns>0 for an orderly end, -1 for a reset.</returns>
    private static async Task<int> ReceiveAsync(Socket from, byte[] buffer)
    {
        try
        {
            return await from.ReceiveAsync(buffer);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            return -1;
        }
    }

    private void End(Socket to, int count)
    {
        if (count == 0 && !_isDisposed)
        {
            to.Shutdown(SocketShutdown.Send);
        }
        else
        {
            Reset(to);
        }
    }

    private static void Reset(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // It is gone already.
        }

        socket.Dispose();
    }

    private byte[] Inspect(byte[] bytes)
    {
        lock (_sent)
        {
            if (_sent.Length < Remembered)
            {
                _sent.Append(Encoding.Latin1.GetString(bytes));
            }
        }

        return rewrite(bytes);
    }
}
