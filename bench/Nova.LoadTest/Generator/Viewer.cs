using System.Runtime.InteropServices;

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

/// <summary>One viewer's socket, from connect to close. All of an audience's viewers read into the same buffer.</summary>
internal sealed unsafe class Viewer(Audience audience, int index, IViewerSink sink) : IPollable
{
    private int _fd = -1;
    private byte[] _carry = [];
    private int _carried;
    private byte[] _fragments = [];
    private int _fragmentLength;

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
    public long ReceivedUpTo => Position + _carried + Linux.Unread(_fd);

    public void Connect()
    {
        State = ViewerState.Idle;
        IsLeaving = false;
        ConnectStartedAt = EventLoop.Now;
        LastSequence = -1;
        Position = _carried = _fragmentLength = 0;
        _fd = Linux.TcpSocket();
        if (_fd < 0)
        {
            Fail(Linux.LastError("socket").Message);
            return;
        }

        Linux.SetNoDelay(_fd);
        if (audience.ReceiveBufferOf(this) is { } bytes)
        {
            Linux.SetReceiveBuffer(_fd, bytes);
        }

        if (audience.SourceOf(index) is { } lastByte && Linux.BindLoopback(_fd, lastByte) != 0)
        {
            Fail(Linux.LastError("bind").Message);
        }
        else if (Linux.ConnectLoopback(_fd, audience.Protocol.PortOf(index)) != 0 && Marshal.GetLastPInvokeError() != Linux.EInProgress)
        {
            Fail(Linux.LastError("connect").Message);
        }
        else
        {
            audience.Loop.Watch(_fd, this, Linux.EpollOut);
            State = ViewerState.Connecting;
        }
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
        fixed (byte* bytes = frame)
        {
            if (Linux.write(_fd, bytes, (nuint)frame.Length) == frame.Length)
            {
                return true;
            }
        }

        Fail("The server does not read what viewers send.");
        return false;
    }

    public void StopReading() => audience.Loop.Change(_fd, 0);

    public void ResumeReading() => audience.Loop.Change(_fd, Linux.EpollIn);

    /// <summary>Says goodbye as a browser does; the server then closes.</summary>
    public void Leave()
    {
        IsLeaving = true;
        Send(ClientFrame.NormalClose);
    }

    /// <summary>Closes without a word.</summary>
    public void Abandon()
    {
        if (_fd >= 0)
        {
            if (State is not ViewerState.Idle and not ViewerState.Closed)
            {
                audience.Loop.Forget(_fd);
            }

            Linux.close(_fd);
            _fd = -1;
        }

        State = ViewerState.Closed;
    }

    private void Upgrade()
    {
        if (Linux.SocketError(_fd) is not 0 and var error)
        {
            Fail($"connect: {Marshal.GetPInvokeErrorMessage(error)}");
            return;
        }

        audience.Loop.Change(_fd, Linux.EpollIn);
        State = ViewerState.Upgrading;
        Send(audience.Protocol.UpgradeRequest(index));
    }

    private void Receive()
    {
        var buffer = audience.ReadBuffer;
        _carry.AsSpan(0, _carried).CopyTo(buffer);
        nint count;
        fixed (byte* bytes = buffer)
        {
            count = Linux.read(_fd, bytes + _carried, (nuint)(buffer.Length - _carried));
        }

        if (count <= 0)
        {
            if (count == 0 || Marshal.GetLastPInvokeError() != Linux.EAgain)
            {
                Fail(count == 0 ? "The server closed the connection." : Linux.LastError("read").Message);
            }

            return;
        }

        audience.Reads++;
        var data = buffer[..(_carried + (int)count)];
        _carried = 0;
        var rest = State == ViewerState.Upgrading ? AfterHead(data) : data;
        while (State is ViewerState.Open or ViewerState.Greeting && ServerFrame.TryRead(ref rest, out var frame))
        {
            Position += frame.TotalLength;
            Handle(frame, EventLoop.Now);
        }

        if (State is not (ViewerState.Closed or ViewerState.Idle))
        {
            Keep(rest);
        }
    }

    private ReadOnlySpan<byte> AfterHead(ReadOnlySpan<byte> data)
    {
        var end = data.IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            return data;
        }

        if (!data.StartsWith("HTTP/1.1 101"u8))
        {
            var text = System.Text.Encoding.UTF8.GetString(data[..Math.Min(data.Length, 600)]);
            Fail($"The server refused the upgrade: {text[..text.IndexOf('\r')]} {text[(text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..]}");
            return [];
        }

        if (audience.Protocol.FirstFrame is { } first && !Send(first))
        {
            return [];
        }

        State = ViewerState.Greeting;
        if (audience.Protocol.Greeting is null)
        {
            Connected();
        }

        return data[(end + 4)..];
    }

    private void Handle(in ServerFrame frame, long now)
    {
        switch (frame.Opcode)
        {
            case ServerFrame.Text or ServerFrame.Continuation when frame.Final && _fragmentLength == 0:
                HandleMessage(frame.Payload, now);
                break;
            case ServerFrame.Text or ServerFrame.Continuation:
                Append(ref _fragments, ref _fragmentLength, frame.Payload);
                if (frame.Final)
                {
                    var length = _fragmentLength;
                    _fragmentLength = 0;
                    HandleMessage(_fragments.AsSpan(0, length), now);
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

    private void Keep(ReadOnlySpan<byte> rest)
    {
        if (rest.Length >= audience.ReadBuffer.Length)
        {
            Fail("The server sent a frame larger than the generator's read buffer.");
            return;
        }

        Append(ref _carry, ref _carried, rest);
    }

    private void Fail(string why)
    {
        var before = State;
        Abandon();
        audience.OnClosed(this, before, why);
    }

    private static void Append(ref byte[] buffer, ref int length, ReadOnlySpan<byte> bytes)
    {
        if (length + bytes.Length > buffer.Length)
        {
            Array.Resize(ref buffer, Math.Max(512, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)(length + bytes.Length))));
        }

        bytes.CopyTo(buffer.AsSpan(length));
        length += bytes.Length;
    }
}
