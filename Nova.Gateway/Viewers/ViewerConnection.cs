using System.Buffers;
using Nova.Gateway.Fanout;
using Nova.Gateway.WebSockets;
using Nova.Protocol;

namespace Nova.Gateway.Viewers;

/// <summary>
/// One viewer's session: its socket, its backlog and its clock. Anybody may <see cref="Send"/> and <see cref="Close"/>; one pump at a time
/// writes. A viewer who keeps up is written to by the sender's own thread, one who does not never makes it wait.
/// </summary>
internal sealed class ViewerConnection
{
    /// <summary>How long pending messages and the close frame, and then the viewer's answer to it, may take.</summary>
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(2);

    private readonly ViewerSocket _socket;
    private readonly GatewayMetrics _metrics;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _abort = new();
    private readonly Lock _lock = new();
    private readonly Backlog _backlog;
    private bool _pumping;
    private (CloseCode Code, string Reason)? _close;
    private bool _closeSent;
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ViewerConnection(
        ViewerSocket socket, Guid streamId, Guid viewerId, GatewayMetrics metrics, TimeProvider time, ILogger logger)
    {
        _socket = socket;
        ViewerId = viewerId;
        StreamId = streamId;
        _metrics = metrics;
        _logger = logger;
        _backlog = new Backlog(streamId, time);
        Clock = new ViewerClock(time);
    }

    public Guid StreamId { get; }

    public Guid ViewerId { get; }

    /// <summary>128 random bits: nothing can be told or guessed from it, and it is no credential (S22).</summary>
    public string SessionId { get; } = $"session_{Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(16))}";

    public ViewerClock Clock { get; }

    /// <summary>Called once, when the connection is told to close or is gone, before anything slow happens.</summary>
    public Action<ViewerConnection>? Leaving { get; set; }

    public void Send(PreparedFrame frame)
    {
        lock (_lock)
        {
            if (_close is not null)
            {
                return; // Nothing follows what closes the connection (R38).
            }

            switch (_backlog.Add(frame))
            {
                case BacklogEffect.Conflated:
                    _metrics.Conflated();
                    break;
                case BacklogEffect.Dropped:
                    _metrics.Dropped();
                    break;
                case BacklogEffect.Overflowed:
                    _ = _abort.CancelAsync(); // Elsewhere: leaving takes the room's lock, and who joins holds that one and wants this one.
                    return;
            }

            if (_pumping)
            {
                return;
            }

            _pumping = true;
        }

        _ = PumpAsync();
    }

    /// <summary>Lets what is pending out, then closes. The first call decides code and reason.</summary>
    public void Close(CloseCode code, string reason)
    {
        var startPump = false;
        lock (_lock)
        {
            if (_close is not null)
            {
                return;
            }

            _close = (code, reason);
            startPump = !_pumping;
            _pumping = true;
        }

        // Covers a peer that reads nothing and one that never answers; the token also ends the receive loop.
        _abort.CancelAfter(CloseTimeout + CloseTimeout);
        Leave();
        if (startPump)
        {
            _ = PumpAsync();
        }
    }

    /// <summary>Hands every message to <paramref name="handle"/> until the connection ends; returns the code it ended with.</summary>
    public async Task<int> ReceiveAsync(Action<ReadOnlyMemory<byte>> handle)
    {
        using var registration = _abort.Token.Register(Abort);
        var end = SocketEnd.Gone;
        while (true)
        {
            (var buffer, var length, end) = await _socket.ReceiveAsync(_abort.Token);
            if (buffer is null)
            {
                break;
            }

            using (buffer)
            {
                if (_close is null)
                {
                    handle(buffer.Memory[..length]);
                }
            }
        }

        Answer(end);
        Leave();
        if (end is not (SocketEnd.Closed or SocketEnd.Gone))
        {
            // Closing on unread input makes TCP reset the connection, and the close frame would be lost with it.
            await _socket.DrainAsync(_abort.Token);
        }

        await _finished.Task;
        return end == SocketEnd.Gone && !_closeSent ? 1006 : (int)(_close?.Code ?? CloseCode.Normal);
    }

    private void Answer(SocketEnd end)
    {
        switch (end)
        {
            case SocketEnd.Closed:
                Close(CloseCode.Normal, "");
                break;
            case SocketEnd.TooBig:
                Close(CloseCode.MessageTooBig, $"messages have at most {Limits.MaxMessageBytes} bytes");
                break;
            case SocketEnd.Binary:
                Close(CloseCode.UnsupportedData, "binary messages are not part of the protocol");
                break;
            case SocketEnd.NotUtf8:
                Close(CloseCode.InvalidPayload, "text must be UTF-8");
                break;
            case SocketEnd.Gone:
                _abort.Cancel();
                break;
        }
    }

    private async Task PumpAsync()
    {
        try
        {
            while (Next(out var close) is var frame)
            {
                if (frame is not null)
                {
                    await _socket.SendAsync(frame.Payload, _abort.Token);
                    _metrics.FrameWritten(frame.Payload.Length);
                }
                else if (close is var (code, reason))
                {
                    _closeSent = true;
                    await _socket.CloseOutputAsync(code, reason, _abort.Token);
                    _finished.TrySetResult();
                    return;
                }
                else
                {
                    return;
                }
            }
        }
        catch (Exception exception) when (exception is System.Net.WebSockets.WebSocketException or OperationCanceledException or IOException or ObjectDisposedException)
        {
            _abort.Cancel(); // The peer is gone; the receive loop ends and says so.
        }
        catch (Exception exception)
        {
            _logger.ViewerFailed(exception, SessionId);
            _abort.Cancel();
        }
    }

    /// <summary>The next frame; else, once everything is out, the close; else the pump stops, under the lock, so that no frame is forgotten.</summary>
    private PreparedFrame? Next(out (CloseCode Code, string Reason)? close)
    {
        lock (_lock)
        {
            close = null;
            if (_backlog.Take() is { } frame)
            {
                return frame;
            }

            if (_close is { } closing && !_closeSent)
            {
                close = closing;
            }
            else
            {
                _pumping = false;
            }

            return null;
        }
    }

    private void Abort()
    {
        _socket.Abort();
        _finished.TrySetResult();
    }

    private void Leave()
    {
        Action<ViewerConnection>? leaving;
        lock (_lock)
        {
            leaving = Leaving;
            Leaving = null;
        }

        leaving?.Invoke(this);
    }
}
