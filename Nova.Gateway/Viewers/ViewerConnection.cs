using System.Buffers;
using System.Security.Cryptography;
using Nova.Gateway.Frames;
using Nova.Gateway.WebSockets;
using Nova.Protocol;

namespace Nova.Gateway.Viewers;

/// <summary>One viewer's session: who it is, what it watches, its clock, and its messages in and out.</summary>
internal sealed class ViewerConnection
{
    /// <summary>How long what is pending, the close frame and the viewer's answer to it may take.</summary>
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(3);

    /// <summary>How long the viewer may take, after the last byte to it, to have read everything and end its side.</summary>
    private static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(1);

    private readonly ViewerTransport _transport;
    private readonly ViewerWriter _writer;
    private readonly ViewerDependencies _services;
    private readonly MessageLimits _limits;
    private readonly UInt128 _session = BitConverter.ToUInt128(RandomNumberGenerator.GetBytes(16));
    private readonly IViewerHandler _handler;
    private int _hasLeft;
    private ITimer? _deadline;
    private ViewerClose _close = ViewerClose.ByClient;

    public ViewerConnection(ViewerTransport transport, Guid streamId, Guid viewerId, ViewerDependencies services, IViewerHandler handler)
    {
        _transport = transport;
        _services = services;
        _handler = handler;
        _writer = new ViewerWriter(transport, streamId, services);
        StreamId = streamId;
        ViewerId = viewerId;
        Clock = new ViewerClock(services.Time);
        _limits = new MessageLimits(services.Time);
    }

    public Guid StreamId { get; }

    public Guid ViewerId { get; }

    /// <summary>128 random bits: nothing can be told or guessed from it, and it is no credential (S22).</summary>
    public string SessionId => $"session_{_session:x32}";

    public ViewerClock Clock { get; }

    public required ViewerToken Token { get; init; }

    /// <summary>Where its room keeps it.</summary>
    public ViewerBucket? Bucket { get; set; }

    /// <summary>Where the wheel keeps it.</summary>
    public int Slot { get; set; }

    /// <summary>Whether it takes so little that it is better off with a new connection.</summary>
    public bool ShouldShed(TimeSpan stallTimeout) => _writer.IsOverflowing || _writer.Stalled > stallTimeout;

    /// <summary>What the viewer gets first; it is sent by <see cref="Start"/>.</summary>
    /// <param name="number">Of the newest frame in its room: it will get those above.</param>
    public void Begin(long number, IEnumerable<PreparedFrame> frames)
    {
        _writer.JoinedAt = number;
        foreach (var frame in frames)
        {
            _writer.Send(frame);
        }
    }

    public void Start() => _writer.Start();

    public void Send(PreparedFrame frame) => _writer.Send(frame);

    /// <inheritdoc cref="ViewerWriter.Send(FrameBatch)"/>
    public (int Frames, int Bytes) Send(FrameBatch batch) => _writer.Send(batch);

    /// <summary>Whether the limits allow one more of these; if not, the viewer gets an error, or is closed.</summary>
    public bool MaySend(string eventName) => _limits.TryTake(eventName) || Exceed();

    /// <summary>It may not watch this stream any more: a publisher kicked it, or the stream turned private.</summary>
    public void Kick(DateTimeOffset now)
    {
        Close(ViewerClose.Kicked, PreparedFrame.Of(Notices.Kicked(now)));
    }

    /// <summary>Drops the connection without a word, for a fault of ours.</summary>
    public void Abort() => _transport.Abort();

    /// <inheritdoc cref="ViewerWriter.CloseAsync"/>
    public void Close(ViewerClose close, PreparedFrame? lastWord = null) => _ = CloseAsync(close, lastWord);

    /// <summary>Hands every message to the handler until the connection has ended.</summary>
    /// <returns>The close code, 1006 where the viewer got none, and why it ended.</returns>
    public async Task<(int Code, CloseCause Cause)> ReceiveAsync()
    {
        try
        {
            var (received, violation) = await ReadUntilEndAsync();
            Leave();
            switch (received)
            {
                case Received.Close:
                    await CloseAsync(ViewerClose.ByClient);
                    break;
                case Received.Violation:
                    await CloseAsync(ViewerClose.Violation(violation.Code, violation.Reason));
                    break;
                default:
                    _transport.Abort();
                    return _writer.IsClosed ? ((int)_close.Code, _close.Cause) : (1006, _deadline is null ? CloseCause.Broken : _close.Cause);
            }

            if (_transport.IsDirect || received == Received.Violation)
            {
                await DrainAsync(); // Else all is said, and the viewer waits for our end, which comes with the request's.
            }

            return ((int)_close.Code, _close.Cause);
        }
        finally
        {
            if (_deadline is not null)
            {
                await _deadline.DisposeAsync();
            }
        }
    }

    private Task CloseAsync(ViewerClose close, PreparedFrame? lastWord = null)
    {
        var deadline = _services.Time.CreateTimer(static state => ((ViewerTransport)state!).Abort(), _transport, CloseTimeout, Timeout.InfiniteTimeSpan);
        if (Interlocked.CompareExchange(ref _deadline, deadline, null) is null)
        {
            _close = close;
        }
        else
        {
            deadline.Dispose();
        }

        var closed = _writer.CloseAsync(close.Code, close.Reason, lastWord);
        Leave();
        return closed;
    }

    /// <returns>A close, a violation, or nothing where the connection broke.</returns>
    private async Task<(Received, (CloseCode Code, string Reason))> ReadUntilEndAsync()
    {
        var reader = default(FrameReader);
        try
        {
            while (true)
            {
                var result = await _transport.Input.ReadAsync();
                var input = result.Buffer;
                var received = Take(ref reader, ref input);
                _transport.Input.AdvanceTo(input.Start, input.End);
                if (received != Received.Nothing || result.IsCompleted)
                {
                    return (received, reader.Violation);
                }
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            return (Received.Nothing, default);
        }
        finally
        {
            reader.Release();
        }
    }

    private Received Take(ref FrameReader reader, ref ReadOnlySequence<byte> input)
    {
        while (true)
        {
            switch (reader.Read(ref input))
            {
                case Received.Text:
                    if (Volatile.Read(ref _deadline) is null && (_limits.TryTake(reader.Message.Length) || Exceed())) // After our close, nothing it says matters.
                    {
                        _handler.OnMessage(this, reader.Message);
                    }

                    break;
                case Received.Ping:
                    if (_limits.TryTakeControlFrame() || Exceed())
                    {
                        Send(PreparedFrame.Pong(reader.PingPayload));
                    }

                    break;
                case Received.Pong:
                    _ = _limits.TryTakeControlFrame() || Exceed();
                    break;
                case var end:
                    return end;
            }
        }
    }

    /// <summary>
    /// Ends our side and forgets what still comes, until the viewer has ended its own. Closing on unread input would make TCP reset the
    /// connection, and the close frame would be lost with it.
    /// </summary>
    private async Task DrainAsync()
    {
        _transport.EndSending();
        _deadline!.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        using var timeout = new CancellationTokenSource(DrainTimeout, _services.Time);
        try
        {
            while (await _transport.Input.ReadAsync(timeout.Token) is { IsCompleted: false } result)
            {
                _transport.Input.AdvanceTo(result.Buffer.End);
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // It took too long, or left without a word.
        }
    }

    /// <returns>False: the message is dropped, whatever else happens.</returns>
    private bool Exceed()
    {
        _services.Metrics.RateLimited();
        switch (_limits.Exceed())
        {
            case ExcessResponse.Notify:
                Send(PreparedFrame.AnswerOf(Notices.RateLimited(_services.Time.GetUtcNow())));
                break;
            case ExcessResponse.Close:
                Close(ViewerClose.Flood);
                break;
        }

        return false;
    }

    private void Leave()
    {
        if (Interlocked.Exchange(ref _hasLeft, 1) == 0)
        {
            _handler.OnLeaving(this);
        }
    }
}
