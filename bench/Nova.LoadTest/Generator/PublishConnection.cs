using System.Text;

namespace Nova.LoadTest.Generator;

/// <summary>
/// One connection with pipelined publications. It waits for no response: otherwise a slow server would reduce its own load. There is only one
/// connection because events on two connections could overtake each other.
/// </summary>
internal sealed class PublishConnection : IPublisher, IPollable, IDisposable
{
    private const int MaxQueued = 256 * 1024 * 1024;

    private readonly EventLoop _loop;
    private readonly LoopbackSocket _socket;
    private readonly string _expectedStatus;
    private readonly byte[] _readBuffer = new byte[64 * 1024];
    private byte[] _queue = new byte[64 * 1024];
    private int _from;
    private int _to;
    private bool _checkedFirstResponse;

    /// <param name="loop">The loop that polls the connection.</param>
    /// <param name="port">The server's port on 127.0.0.1.</param>
    /// <param name="expectedStatus">The first response must begin with this text; later responses are read and discarded.</param>
    public PublishConnection(EventLoop loop, int port, string expectedStatus)
    {
        _loop = loop;
        _expectedStatus = expectedStatus;
        _socket = LoopbackSocket.Connect(port, source: null, receiveBuffer: null, out var error) ?? throw new LoadTestException($"Publishing: {error}");
        loop.Watch(_socket.Fd, this, Linux.EpollIn | Linux.EpollOut); // The socket becomes writable when it is connected.
    }

    public void Send(ReadOnlySpan<byte> request, long intendedAt)
    {
        if (_from == _to)
        {
            _from = _to = 0;
        }

        if (_to + request.Length > _queue.Length)
        {
            MakeRoom(request.Length);
        }

        request.CopyTo(_queue.AsSpan(_to));
        _to += request.Length;
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
            ReadResponses();
        }
    }

    public void Dispose()
    {
        _loop.Unwatch(_socket.Fd);
        _socket.Close();
    }

    private void Flush()
    {
        if (_to > _from)
        {
            _from += _socket.Write(_queue.AsSpan(_from, _to - _from));
        }

        _loop.Modify(_socket.Fd, _from < _to ? Linux.EpollIn | Linux.EpollOut : Linux.EpollIn);
    }

    private void MakeRoom(int length)
    {
        var waiting = _to - _from;
        if (waiting + length > MaxQueued)
        {
            throw new LoadTestException("The system does not keep up: 256 MB of publications are queued. Lower --rate.");
        }

        var target = waiting + length > _queue.Length / 2 ? new byte[_queue.Length * 2] : _queue;
        _queue.AsSpan(_from, waiting).CopyTo(target);
        (_queue, _from, _to) = (target, 0, waiting);
    }

    private void ReadResponses()
    {
        var count = _socket.Read(_readBuffer);
        if (count == 0)
        {
            throw new LoadTestException("The system closed the connection that events are published on; its log says why.");
        }

        if (count > 0 && !_checkedFirstResponse)
        {
            _checkedFirstResponse = true;
            var response = Encoding.UTF8.GetString(_readBuffer, 0, Math.Min(count, 300));
            if (!response.StartsWith(_expectedStatus, StringComparison.Ordinal))
            {
                throw new LoadTestException($"The system refused to publish: {response}");
            }
        }
    }
}
