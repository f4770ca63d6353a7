using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace Nova.Gateway.WebSockets;

/// <summary>A plain TCP connection that Kestrel handed over: sends go straight to the socket, without a task switch or a copy.</summary>
internal sealed class SocketTransport : ViewerTransport
{
    private readonly ConnectionContext _connection;
    private readonly Socket _socket;

    public SocketTransport(ConnectionContext connection, Socket socket)
    {
        _connection = connection;
        _socket = socket;
        _socket.Blocking = false; // For Send; Kestrel's receiving is asynchronous and does not look at it.
    }

    public override PipeReader Input => _connection.Transport.Input;

    public override bool IsDirect => true;

    public override int TrySend(ReadOnlySpan<byte> bytes)
    {
        try
        {
            var sent = _socket.Send(bytes, SocketFlags.None, out var error);
            return error switch
            {
                SocketError.Success => sent,
                SocketError.WouldBlock => 0,
                _ => -1,
            };
        }
        catch (ObjectDisposedException)
        {
            return -1; // Kestrel closed it this moment.
        }
    }

    public override async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            for (var rest = bytes; !rest.IsEmpty;)
            {
                rest = rest[await _socket.SendAsync(rest, SocketFlags.None)..];
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            throw new IOException("The connection is broken.", exception);
        }
    }

    public override void EndSending()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // It is broken already.
        }
    }

    public override void Abort() => _connection.Abort();
}
