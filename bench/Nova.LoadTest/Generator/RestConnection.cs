using System.Buffers.Text;
using System.Text;

namespace Nova.LoadTest.Generator;

/// <summary>One keep-alive HTTP/1.1 connection, with one request at a time.</summary>
internal sealed class RestConnection : IPollable
{
    private const int StatusOffset = 9; // HTTP/1.1 200 OK

    private readonly RestPool _pool;
    private readonly EventLoop _loop;
    private readonly LoopbackSocket _socket;
    private GrowingBuffer _carry; // The received part of an answer.
    private byte[]? _request;
    private int _sent;
    private long _intendedAt;

    /// <exception cref="LoadTestException">No socket could be opened.</exception>
    public RestConnection(RestPool pool, EventLoop loop, int port)
    {
        (_pool, _loop) = (pool, loop);
        _socket = LoopbackSocket.Connect(port, source: null, receiveBuffer: null, out var error) ?? throw new LoadTestException($"REST call: {error}");
        loop.Watch(_socket.Fd, this, Linux.EpollIn);
    }

    public void Send(byte[] request, long intendedAt)
    {
        (_request, _sent, _intendedAt) = (request, 0, intendedAt);
        Flush();
    }

    public void OnReady(int events)
    {
        if ((events & Linux.EpollOut) != 0)
        {
            Flush();
        }

        if ((events & (Linux.EpollIn | Linux.EpollErr | Linux.EpollHup)) != 0)
        {
            Receive();
        }
    }

    public void Close()
    {
        _loop.Unwatch(_socket.Fd);
        _socket.Close();
    }

    /// <summary>A new connection takes nothing until it is connected; then it becomes writable.</summary>
    private void Flush()
    {
        if (_request is null || _sent == _request.Length)
        {
            return;
        }

        _sent += _socket.Write(_request.AsSpan(_sent));
        _loop.Modify(_socket.Fd, _sent < _request.Length ? Linux.EpollIn | Linux.EpollOut : Linux.EpollIn);
    }

    private void Receive()
    {
        var buffer = _pool.ReadBuffer.AsSpan();
        _carry.Bytes.CopyTo(buffer);
        var count = _socket.Read(buffer[_carry.Length..]);
        if (count == LoopbackSocket.WouldBlock)
        {
            return;
        }

        if (count == 0)
        {
            End();
            return;
        }

        ReadOnlySpan<byte> answer = buffer[..(_carry.Length + count)];
        _carry.Clear();
        if (_request is not null && IsWhole(answer))
        {
            _request = null;
            Utf8Parser.TryParse(answer[StatusOffset..], out int status, out _);
            _pool.OnAnswer(this, status, _intendedAt, status is >= 200 and < 300 ? "" : Encoding.UTF8.GetString(answer));
        }
        else
        {
            _carry.Append(answer);
        }
    }

    private void End()
    {
        var wasAsked = _request is not null;
        _request = null;
        Close();
        if (wasAsked)
        {
            _pool.OnAnswer(this, RestPool.NoAnswer, _intendedAt, "The server closed the connection.");
        }
        else
        {
            _pool.OnClosed(this);
        }
    }

    /// <summary>Content-Length says the body's end, or else the last chunk: only one request is under way.</summary>
    private static bool IsWhole(ReadOnlySpan<byte> answer)
    {
        var head = answer.IndexOf("\r\n\r\n"u8) + 4;
        if (head < 4)
        {
            return false;
        }

        if (answer[StatusOffset..].StartsWith("204"u8))
        {
            return true;
        }

        var field = answer[..head].IndexOf("\r\nContent-Length: "u8);
        return field < 0
            ? answer.EndsWith("\r\n0\r\n\r\n"u8)
            : Utf8Parser.TryParse(answer[(field + "\r\nContent-Length: "u8.Length)..], out int length, out _) && answer.Length >= head + length;
    }
}
