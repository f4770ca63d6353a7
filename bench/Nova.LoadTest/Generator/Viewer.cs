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

/// <summary>One viewer, from connect to close. All viewers of an audience share one read buffer.</summary>
internal sealed class Viewer(Audience audience, int index, IViewerSink sink) : IPollable
{
    private LoopbackSocket? _socket;
    private GrowingBuffer _carry; // The received part of an incomplete frame.
    private GrowingBuffer _fragments; // The received part of a fragmented message.

    public int Index => index;

    public IViewerSink Sink { get; set; } = sink;

    public ViewerState State { get; private set; }

    /// <summary>The number of the newest event received; the sink updates it.</summary>
    public long LastSequence { get; set; } = -1;

    /// <summary>WebSocket bytes handled so far, including the current frame.</summary>
    public long HandledBytes { get; private set; }

    /// <summary>The viewer has sent its close frame, so the end of the connection does not count as a loss.</summary>
    public bool IsLeaving { get; private set; }

    public long ConnectStartedAt { get; private set; }

    public long ConnectedAt { get; private set; }

    /// <summary>WebSocket bytes that this machine's kernel has received for the viewer, read or not.</summary>
    public long ReceivedBytes => HandledBytes + _carry.Length + (_socket?.UnreadBytes ?? 0);

    public void Connect()
    {
        ConnectStartedAt = EventLoop.Now;
        (State, IsLeaving, LastSequence, HandledBytes) = (ViewerState.Idle, false, -1, 0);
        _carry.Clear();
        _fragments.Clear();
        _socket = LoopbackSocket.Connect(audience.Protocol.PortOf(index), audience.SourceOf(index), audience.ReceiveBufferOf(this), out var error);
        if (_socket is null)
        {
            Fail(error);
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
    /// <returns>False if the send queue was full because the server does not read; the viewer is then closed.</returns>
    public bool Send(ReadOnlySpan<byte> frame)
    {
        if (_socket?.Write(frame) == frame.Length)
        {
            return true;
        }

        Fail("The server does not read what viewers send.");
        return false;
    }

    public void StopReading() => audience.Loop.Modify(_socket!.Fd, 0);

    public void ResumeReading() => audience.Loop.Modify(_socket!.Fd, Linux.EpollIn);

    /// <summary>Sends a close frame as a browser does; the server then closes the connection.</summary>
    public void Leave()
    {
        IsLeaving = true;
        Send(ClientFrame.NormalClose);
    }

    /// <summary>Closes the socket without a close frame.</summary>
    public void Abort()
    {
        if (_socket is not null)
        {
            audience.Loop.Unwatch(_socket.Fd);
            _socket.Close();
            _socket = null;
        }

        State = ViewerState.Closed;
    }

    private void Upgrade()
    {
        if (_socket!.ConnectError() is { } error)
        {
            Fail(error);
            return;
        }

        audience.Loop.Modify(_socket.Fd, Linux.EpollIn);
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
            if (count != LoopbackSocket.WouldBlock)
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
            HandledBytes += frame.TotalLength;
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

    /// <summary>Removes the upgrade's response from <paramref name="data"/> if it is complete.</summary>
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
        if (!EventPayload.TryRead(ref rest, ref audience.EventOffset, out var sequence))
        {
            HandleOther(message, now);
            return;
        }

        do
        {
            Sink.OnEvent(this, sequence, now);
        }
        while (EventPayload.TryRead(ref rest, ref audience.EventOffset, out sequence));
    }

    private void HandleOther(ReadOnlySpan<byte> message, long now)
    {
        if (State == ViewerState.Greeting && message.IndexOf(audience.Protocol.Greeting) >= 0)
        {
            Connected();
        }

        Span<byte> reply = stackalloc byte[256];
        if (audience.Protocol.WriteReply(message, reply) is > 0 and var length)
        {
            Send(reply[..length]);
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

    private void Fail(string error)
    {
        if (State == ViewerState.Closed)
        {
            return; // An earlier operation on this connection has already reported the failure.
        }

        var before = State;
        Abort();
        audience.OnClosed(this, before, error);
    }
}
