using System.Text;

namespace Nova.LoadTest.Generator;

/// <summary>
/// One connection that publications are pipelined on: nothing waits for answers, or a slow server would slow its own load. A second connection
/// would let events overtake each other.
/// </summary>
internal sealed class PublishConnection : IPollable, IDisposable
{
    private const int MaxQueued = 256 * 1024 * 1024;

    private readonly EventLoop _loop;
    private readonly LoopbackSocket _socket;
    private readonly string _goodAnswer;
    private readonly byte[] _answers = new byte[64 * 1024];
    private byte[] _queue = new byte[64 * 1024];
    private int _from;
    private int _to;
    private bool _sawAnswer;

    /// <param name="loop">The loop it is served by.</param>
    /// <param name="port">On 127.0.0.1.</param>
    /// <param name="goodAnswer">What the first answer must begin with; later ones are read and thrown away.</param>
    public PublishConnection(EventLoop loop, int port, string goodAnswer)
    {
        _loop = loop;
        _goodAnswer = goodAnswer;
        _socket = LoopbackSocket.Connect(port, source: null, receiveBuffer: null, out var why) ?? throw new LoadTestException($"Publishing: {why}");
        loop.Watch(_socket.Fd, this, Linux.EpollIn | Linux.EpollOut); // Writable is connected.
    }

    public void Send(ReadOnlySpan<byte> request)
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
            ReadAnswers();
        }
    }

    public void Dispose()
    {
        _loop.Forget(_socket.Fd);
        _socket.Close();
    }

    private void Flush()
    {
        if (_to > _from)
        {
            _from += _socket.Write(_queue.AsSpan(_from, _to - _from));
        }

        _loop.Change(_socket.Fd, _from < _to ? Linux.EpollIn | Linux.EpollOut : Linux.EpollIn);
    }

    private void MakeRoom(int length)
    {
        var waiting = _to - _from;
        if (waiting + length > MaxQueued)
        {
            throw new LoadTestException("The system takes no more publications: 256 MB of them wait. Lower --rate.");
        }

        var target = waiting + length > _queue.Length / 2 ? new byte[_queue.Length * 2] : _queue;
        _queue.AsSpan(_from, waiting).CopyTo(target);
        (_queue, _from, _to) = (target, 0, waiting);
    }

    private void ReadAnswers()
    {
        var count = _socket.Read(_answers);
        if (count == 0)
        {
            throw new LoadTestException("The system closed the connection that events are published on; its log says why.");
        }

        if (count > 0 && !_sawAnswer)
        {
            _sawAnswer = true;
            var answer = Encoding.UTF8.GetString(_answers, 0, Math.Min(count, 300));
            if (!answer.StartsWith(_goodAnswer, StringComparison.Ordinal))
            {
                throw new LoadTestException($"The system refused to publish: {answer}");
            }
        }
    }
}
