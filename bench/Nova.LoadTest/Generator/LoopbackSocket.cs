using System.Runtime.InteropServices;

namespace Nova.LoadTest.Generator;

/// <summary>A non-blocking TCP connection to a port on 127.0.0.1.</summary>
internal sealed unsafe class LoopbackSocket
{
    /// <summary>The result of <see cref="Read"/> if no data is available.</summary>
    public const int WouldBlock = -1;

    private LoopbackSocket(int fd)
    {
        Fd = fd;
    }

    public int Fd { get; }

    /// <summary>Bytes in the receive queue.</summary>
    public int UnreadBytes => Linux.UnreadBytes(Fd);

    /// <summary>Begins to connect; the socket becomes writable when the connect has succeeded or failed.</summary>
    /// <param name="port">The server's port.</param>
    /// <param name="source">Last byte of the source address 127.0.0.x; null lets Linux choose.</param>
    /// <param name="receiveBuffer">Size in bytes; null lets Linux choose.</param>
    /// <param name="error">The error if the result is null.</param>
    public static LoopbackSocket? Connect(int port, byte? source, int? receiveBuffer, out string error)
    {
        error = "";
        var fd = Linux.TcpSocket();
        if (fd < 0)
        {
            error = Linux.LastError("socket").Message;
            return null;
        }

        Linux.SetNoDelay(fd);
        if (receiveBuffer is { } bytes)
        {
            Linux.SetReceiveBuffer(fd, bytes);
        }

        if (source is { } lastByte && Linux.BindLoopback(fd, lastByte) != 0)
        {
            error = Linux.LastError("bind").Message;
        }
        else if (Linux.ConnectLoopback(fd, port) == 0 || Marshal.GetLastPInvokeError() == Linux.EInProgress)
        {
            return new LoopbackSocket(fd);
        }
        else
        {
            error = Linux.LastError("connect").Message;
        }

        Linux.close(fd);
        return null;
    }

    /// <summary>The error of the connect; null if it succeeded.</summary>
    public string? ConnectError() => Linux.SocketError(Fd) is not 0 and var error ? $"connect: {Marshal.GetPInvokeErrorMessage(error)}" : null;

    /// <returns>The number of bytes read, <see cref="WouldBlock"/>, or 0 if the connection has ended.</returns>
    public int Read(Span<byte> buffer)
    {
        fixed (byte* bytes = buffer)
        {
            var count = (int)Linux.read(Fd, bytes, (nuint)buffer.Length);
            return count >= 0 ? count : Marshal.GetLastPInvokeError() == Linux.EAgain ? WouldBlock : 0;
        }
    }

    /// <returns>The number of bytes that the kernel accepted; a broken connection is reported by <see cref="Read"/>.</returns>
    public int Write(ReadOnlySpan<byte> buffer)
    {
        fixed (byte* bytes = buffer)
        {
            return (int)Math.Max(0, Linux.write(Fd, bytes, (nuint)buffer.Length));
        }
    }

    public void Close() => Linux.close(Fd);
}
