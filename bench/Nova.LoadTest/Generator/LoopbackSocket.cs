using System.Runtime.InteropServices;

namespace Nova.LoadTest.Generator;

/// <summary>A non-blocking TCP connection to a port on 127.0.0.1.</summary>
internal sealed unsafe class LoopbackSocket
{
    /// <summary>What <see cref="Read"/> returns where nothing has arrived.</summary>
    public const int NothingYet = -1;

    private LoopbackSocket(int fd)
    {
        Fd = fd;
    }

    public int Fd { get; }

    /// <summary>Bytes that have arrived and were not read.</summary>
    public int Unread => Linux.Unread(Fd);

    /// <summary>Begins to connect; the socket is writable when that has ended, well or not.</summary>
    /// <param name="port">Of the server.</param>
    /// <param name="source">Last byte of the address to come from, 127.0.0.x; null leaves it to Linux.</param>
    /// <param name="receiveBuffer">In bytes; null leaves it to Linux.</param>
    /// <param name="why">Where null is returned: the reason.</param>
    public static LoopbackSocket? Connect(int port, byte? source, int? receiveBuffer, out string why)
    {
        why = "";
        var fd = Linux.TcpSocket();
        if (fd < 0)
        {
            why = Linux.LastError("socket").Message;
            return null;
        }

        Linux.SetNoDelay(fd);
        if (receiveBuffer is { } bytes)
        {
            Linux.SetReceiveBuffer(fd, bytes);
        }

        if (source is { } lastByte && Linux.BindLoopback(fd, lastByte) != 0)
        {
            why = Linux.LastError("bind").Message;
        }
        else if (Linux.ConnectLoopback(fd, port) == 0 || Marshal.GetLastPInvokeError() == Linux.EInProgress)
        {
            return new LoopbackSocket(fd);
        }
        else
        {
            why = Linux.LastError("connect").Message;
        }

        Linux.close(fd);
        return null;
    }

    /// <summary>Why connecting failed; null where it did not.</summary>
    public string? ConnectError() => Linux.SocketError(Fd) is not 0 and var error ? $"connect: {Marshal.GetPInvokeErrorMessage(error)}" : null;

    /// <returns>Bytes read, <see cref="NothingYet"/>, or 0 where the connection has ended.</returns>
    public int Read(Span<byte> buffer)
    {
        fixed (byte* bytes = buffer)
        {
            var count = (int)Linux.read(Fd, bytes, (nuint)buffer.Length);
            return count >= 0 ? count : Marshal.GetLastPInvokeError() == Linux.EAgain ? NothingYet : 0;
        }
    }

    /// <returns>Bytes that the kernel took; a broken connection shows when reading.</returns>
    public int Write(ReadOnlySpan<byte> buffer)
    {
        fixed (byte* bytes = buffer)
        {
            return (int)Math.Max(0, Linux.write(Fd, bytes, (nuint)buffer.Length));
        }
    }

    public void Close() => Linux.close(Fd);
}
