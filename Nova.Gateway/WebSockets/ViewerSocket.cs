using System.Buffers;
using System.Net.WebSockets;
using System.Text;
using System.Text.Unicode;
using Nova.Protocol;

namespace Nova.Gateway.WebSockets;

/// <summary>Why there is no further message.</summary>
internal enum SocketEnd
{
    /// <summary>The peer sent a close frame.</summary>
    Closed,

    /// <summary>The connection broke without one.</summary>
    Gone,

    TooBig,
    Binary,
    NotUtf8,
}

/// <summary>One viewer's WebSocket: whole text messages in, messages and one close out. Sends are not concurrent; the connection's pump sees to it.</summary>
internal sealed class ViewerSocket(WebSocket socket) : IDisposable
{
    /// <summary>Messages are a few hundred bytes.</summary>
    private const int FirstRead = 1024;

    /// <summary>The next message in a rented buffer, or why there is none.</summary>
    public async ValueTask<(IMemoryOwner<byte>? Buffer, int Length, SocketEnd End)> ReceiveAsync(CancellationToken cancellationToken)
    {
        IMemoryOwner<byte>? buffer = null;
        try
        {
            // A read of nothing first: a silent viewer holds no buffer.
            var result = await socket.ReceiveAsync(Memory<byte>.Empty, cancellationToken);
            if (result is { MessageType: WebSocketMessageType.Text, EndOfMessage: true })
            {
                return (MemoryPool<byte>.Shared.Rent(1), 0, default); // An empty message is a message.
            }

            var length = 0;
            while (result.MessageType == WebSocketMessageType.Text)
            {
                buffer = Grow(buffer, length);
                result = await socket.ReceiveAsync(buffer.Memory[length..], cancellationToken);
                length += result.Count;
                if (length > Limits.MaxMessageBytes)
                {
                    return Ended(buffer, SocketEnd.TooBig);
                }

                if (result.EndOfMessage && result.MessageType == WebSocketMessageType.Text)
                {
                    return Utf8.IsValid(buffer.Memory.Span[..length]) ? (buffer, length, default) : Ended(buffer, SocketEnd.NotUtf8);
                }
            }

            return Ended(buffer, result.MessageType == WebSocketMessageType.Binary ? SocketEnd.Binary : SocketEnd.Closed);
        }
        catch (WebSocketException)
        {
            return Ended(buffer, SocketEnd.Gone);
        }
        catch (OperationCanceledException)
        {
            return Ended(buffer, SocketEnd.Gone);
        }
    }

    /// <summary>Reads and forgets until the peer has closed, or the token says that it had time enough.</summary>
    public async Task DrainAsync(CancellationToken cancellationToken)
    {
        using var buffer = MemoryPool<byte>.Shared.Rent(4096);
        try
        {
            while ((await socket.ReceiveAsync(buffer.Memory, cancellationToken)).MessageType != WebSocketMessageType.Close)
            {
            }
        }
        catch (Exception exception) when (exception is WebSocketException or OperationCanceledException)
        {
            // It did not close properly; nothing is left to tell it.
        }
    }

    public ValueTask SendAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken) =>
        socket.SendAsync(message, WebSocketMessageType.Text, WebSocketMessageFlags.EndOfMessage, cancellationToken);

    /// <summary>Sends the close frame; the answer to it comes through <see cref="ReceiveAsync"/>.</summary>
    public Task CloseOutputAsync(CloseCode code, string reason, CancellationToken cancellationToken) =>
        socket.State is WebSocketState.Open or WebSocketState.CloseReceived
            ? socket.CloseOutputAsync((WebSocketCloseStatus)code, Fit(reason), cancellationToken)
            : Task.CompletedTask;

    /// <summary>Drops the connection: nothing more arrives, either way.</summary>
    public void Abort() => socket.Abort();

    public void Dispose() => socket.Dispose();

    private static (IMemoryOwner<byte>?, int, SocketEnd) Ended(IMemoryOwner<byte>? buffer, SocketEnd end)
    {
        buffer?.Dispose();
        return (null, 0, end);
    }

    /// <summary>Doubles, so that memory follows what was received and never what was announced. One byte of room past the limit shows an excess.</summary>
    private static IMemoryOwner<byte> Grow(IMemoryOwner<byte>? buffer, int length)
    {
        if (buffer is not null && length < buffer.Memory.Length)
        {
            return buffer;
        }

        var larger = MemoryPool<byte>.Shared.Rent(buffer is null ? FirstRead : Math.Min(buffer.Memory.Length * 2, Limits.MaxMessageBytes + 1));
        buffer?.Memory[..length].CopyTo(larger.Memory);
        buffer?.Dispose();
        return larger;
    }

    /// <summary>.NET throws for a reason over 123 bytes; cut it at a character's end.</summary>
    private static string Fit(string reason)
    {
        while (Encoding.UTF8.GetByteCount(reason) > Limits.CloseReasonBytes)
        {
            reason = reason[..^1];
        }

        return reason;
    }
}
