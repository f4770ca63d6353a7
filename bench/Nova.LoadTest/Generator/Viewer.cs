namespace Nova.LoadTest.Generator;

internal enum ViewerState
{
    Idle,
    Connecting,
    Upgrading,
    Greeting,
    Open,
    Closed,
}

/// <summary>One viewer, from connect to close. All of an audience's viewers read into the same buffer.</summary>
internal sealed class Viewer(Audience audience, int index, IViewerSink sink) : IPollable
{
    private LoopbackSocket? _socket;
    private ByteStore _carry; // The beginning of a frame whose end has not arrived.
    private ByteStore _fragments; // Of a message in several frames.

    public int Index => index;

    public IViewerSink Sink { get; set; } = sink;

    public ViewerState State { get; private set; }

    /// <summary>The newest event it has; the sink keeps it.</summary>
    public long LastSequence { get; set; } = -1;

    /// <summary>Bytes of the connection up to the end of the frame that is being handled.</summary>
    public long Position { get; private set; }

    /// <summary>It said goodbye; that the server closes is then no loss.</summary>
    public bool IsLeaving { get; private set; }

    public long ConnectStartedAt { get; private set; }

    public long ConnectedAt { get; private set; }

    /// <summary>Where the part ends that this machine has already received for the viewer, read or not.</summary>
    public long ReceivedUpTo => Position + _carry.Length + (_socket?.Unread ?? 0);

    public void Connect()
    {
        ConnectStartedAt = EventLoop.Now;
        (State, IsLeaving, LastSequence, Position) = (ViewerState.Idle, false, -1, 0);
        _carry.Clear();
        _fragments.Clear();
        _socket = LoopbackSocket.Connect(audience.Protocol.PortOf(index), audience.SourceOf(index), audience.ReceiveBufferOf(this), out var why);
        if (_socket is null)
        {
            Fail(why);
            return;
        }

        State = ViewerState.Connecting;
        audience.Loop.Watch(_socket.Fd, this, Linux.EpollOut);
    }

    public void OnReady(int events)
    {
        if (State == ViewerState.Connecting)
        {
            Upgrade();
        }
        else
        {
            Receive();
        }
    }

    /// <summary>Sends a frame of a few hundred bytes at most.</summary>
    /// <returns>False where the server has left so much unread that the kernel took it not or not wholly; the viewer is then closed.</returns>
    public bool Send(ReadOnlySpan<byte> frame)
    {
        if (_socket?.Write(frame) == frame.Length)
        {
            return true;
        }

        Fail("The server does not read what viewers send.");
        return false;
    }

    public void StopReading() => audience.Loop.Change(_socket!.Fd, 0);

    public void ResumeReading() => audience.Loop.Change(_socket!.Fd, Linux.EpollIn);

    /// <summary>Says goodbye as a browser does; the server then closes.</summary>
    public void Leave()
    {
        IsLeaving = true;
        Send(ClientFrame.NormalClose);
    }

    /// <summary>Closes without a word.</summary>
    public void Abandon()
    {
        if (_socket is not null)
        {
            audience.Loop.Forget(_socket.Fd);
            _socket.Close();
            _socket = null;
        }

        State = ViewerState.Closed;
    }

    private void Upgrade()
    {
        if (_socket!.ConnectError() is { } why)
        {
            Fail(why);
            return;
        }

        audience.Loop.Change(_socket.Fd, Linux.EpollIn);
        State = ViewerState.Upgrading;
        Send(audience.Protocol.UpgradeRequest(index));
    }

    private void Receive()
    {
        var buffer = audience.ReadBuffer;
        _carry.Bytes.CopyTo(buffer);
        var count = _socket!.Read(buffer[_carry.Length..]);
        if (count <= 0)
        {
            if (count != LoopbackSocket.NothingYet)
            {
                Fail("The server closed the connection.");
            }

            return;
        }

        audience.Reads++;
        ReadOnlySpan<byte> rest = buffer[..(_carry.Length + count)];
        _carry.Clear();
        if (State == ViewerState.Upgrading)
        {
            ReadHead(ref rest);
        }

        while (State is ViewerState.Open or ViewerState.Greeting && ServerFrame.TryRead(ref rest, out var frame))
        {
            Position += frame.TotalLength;
            Handle(frame, EventLoop.Now);
        }

        if (rest.Length == buffer.Length)
        {
            Fail("The server sent a frame larger than the generator's read buffer.");
        }
        else if (State != ViewerState.Closed)
        {
            _carry.Append(rest);
        }
    }

    /// <summary>Takes the answer to the upgrade off <paramref name="data"/>, if all of it is there.</summary>
    private void ReadHead(ref ReadOnlySpan<byte> data)
    {
        var end = data.IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            return;
        }

        if (!data.StartsWith("HTTP/1.1 101"u8))
        {
            var status = System.Text.Encoding.UTF8.GetString(data[..data.IndexOf((byte)'\r')]);
            Fail($"The server refused the upgrade: {status} {System.Text.Encoding.UTF8.GetString(data[(end + 4)..])}");
            return;
        }

        data = data[(end + 4)..];
        State = ViewerState.Greeting;
        if (audience.Protocol.FirstFrame is { } first)
        {
            Send(first);
        }

        if (audience.Protocol.Greeting is null)
        {
            Connected();
        }
    }

    private void Handle(in ServerFrame frame, long now)
    {
        switch (frame.Opcode)
        {
            case ServerFrame.Text or ServerFrame.Continuation when frame.Final && _fragments.Length == 0:
                HandleMessage(frame.Payload, now);
                break;
            case ServerFrame.Text or ServerFrame.Continuation:
                _fragments.Append(frame.Payload);
                if (frame.Final)
                {
                    HandleMessage(_fragments.Bytes, now);
                    _fragments.Clear();
                }

                break;
            case ServerFrame.Ping:
                Span<byte> pong = stackalloc byte[125 + ClientFrame.MaxOverhead];
                Send(pong[..ClientFrame.WritePong(frame.Payload, pong)]);
                break;
        }
    }

    private void HandleMessage(ReadOnlySpan<byte> message, long now)
    {
        var rest = message;
        if (!EventPayload.TryRead(ref rest, ref audience.EventAt, out var sequence))
        {
            HandleOther(message, now);
            return;
        }

        do
        {
            Sink.OnEvent(this, sequence, now);
        }
        while (EventPayload.TryRead(ref rest, ref audience.EventAt, out sequence));
    }

    private void HandleOther(ReadOnlySpan<byte> message, long now)
    {
        if (State == ViewerState.Greeting && message.IndexOf(audience.Protocol.Greeting) >= 0)
        {
            Connected();
        }

        Span<byte> answer = stackalloc byte[256];
        if (audience.Protocol.Answer(message, answer) is > 0 and var length)
        {
            Send(answer[..length]);
        }
        else
        {
            Sink.OnMessage(this, message, now);
        }
    }

    private void Connected()
    {
        ConnectedAt = EventLoop.Now;
        State = ViewerState.Open;
        audience.OnConnected(this);
    }

    private void Fail(string why)
    {
        if (State == ViewerState.Closed)
        {
            return; // Said already, by what was tried before.
        }

        var before = State;
        Abandon();
        audience.OnClosed(this, before, why);
    }
}
