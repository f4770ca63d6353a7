using System.Buffers;
using System.Security.Cryptography;
using Nova.Gateway.Fanout;
using Nova.Gateway.Feed;
using Nova.Gateway.Trust;
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
    private readonly ViewerServices _services;
    private readonly MessageLimits _limits;
    private readonly UInt128 _session = BitConverter.ToUInt128(RandomNumberGenerator.GetBytes(16));
    private Action<ViewerConnection>? _leaving;
    private ITimer? _deadline;
    private CloseCode _closeCode = CloseCode.Normal;

    /// <param name="leaving">Called once, when the connection is told to close or is gone, before anything slow happens.</param>
    public ViewerConnection(ViewerTransport transport, Guid streamId, Guid viewerId, ViewerServices services, Action<ViewerConnection> leaving)
    {
        _transport = transport;
        _services = services;
        _leaving = leaving;
        _writer = new ViewerWriter(transport, streamId, services);
        StreamId = streamId;
        ViewerId = viewerId;
        Clock = new ViewerClock(services.Time);
        _limits = new MessageLimits(services.Time);
    }

    public required StreamFeed Feed { get; init; }

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

    /// <summary>Takes so little that there is no use in keeping it: it has a chance with a new connection.</summary>
    public bool IsUseless(TimeSpan stallTimeout) => _writer.IsOverflowing || _writer.Stalled > stallTimeout;

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

    /// <summary>Whether the limits allow one more of these; if not, the viewer is told or let go.</summary>
    public bool MaySend(string eventName) => _limits.TryTake(eventName) || Exceed();

    /// <summary>A publisher does not want it on this stream any more.</summary>
    public void Expel(DateTimeOffset now)
    {
        Close(CloseCode.NoLongerAuthorized, "no longer authorized", PreparedFrame.Of(new ErrorMessage(
            ErrorCodes.Unauthorized, "You may no longer watch this stream", ErrorSeverity.Critical, Recoverable: false, "Watch another stream", now)));
    }

    /// <inheritdoc cref="ViewerWriter.CloseAsync"/>
    public void Close(CloseCode code, string reason, PreparedFrame? lastWord = null) => _ = CloseAsync(code, reason, lastWord);

    /// <summary>Hands every message to <paramref name="handle"/> until the connection has ended; returns the code it ended with.</summary>
    public async Task<int> ReceiveAsync(Action<ViewerConnection, ReadOnlyMemory<byte>> handle)
    {
        try
        {
            var (received, violation) = await ReadUntilEndAsync(handle);
            Leave();
            switch (received)
            {
                case Received.Close:
                    await CloseAsync(CloseCode.Normal, "");
                    break;
                case Received.Violation:
                    await CloseAsync(violation.Code, violation.Reason);
                    break;
                default:
                    _transport.Abort();
                    return _writer.IsClosed ? (int)_closeCode : 1006;
            }

            if (_transport.IsDirect || received == Received.Violation)
            {
                await DrainAsync(); // Else all is said, and the viewer waits for our end, which comes with the request's.
            }

            return (int)_closeCode;
        }
        finally
        {
            if (_deadline is not null)
            {
                await _deadline.DisposeAsync();
            }
        }
    }

    private Task CloseAsync(CloseCode code, string reason, PreparedFrame? lastWord = null)
    {
        var deadline = _services.Time.CreateTimer(static state => ((ViewerTransport)state!).Abort(), _transport, CloseTimeout, Timeout.InfiniteTimeSpan);
        if (Interlocked.CompareExchange(ref _deadline, deadline, null) is null)
        {
            _closeCode = code;
        }
        else
        {
            deadline.Dispose();
        }

        var closed = _writer.CloseAsync(code, reason, lastWord);
        Leave();
        return closed;
    }

    /// <returns>A close, a violation, or nothing where the connection broke.</returns>
    private async Task<(Received, (CloseCode Code, string Reason))> ReadUntilEndAsync(Action<ViewerConnection, ReadOnlyMemory<byte>> handle)
    {
        var reader = default(FrameReader);
        try
        {
            while (true)
            {
                var result = await _transport.Input.ReadAsync();
                var input = result.Buffer;
                var received = Take(ref reader, ref input, handle);
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

    private Received Take(ref FrameReader reader, ref ReadOnlySequence<byte> input, Action<ViewerConnection, ReadOnlyMemory<byte>> handle)
    {
        while (true)
        {
            switch (reader.Read(ref input))
            {
                case Received.Text:
                    if (Volatile.Read(ref _deadline) is null && (_limits.TryTake(reader.Message.Length) || Exceed())) // After our close, nothing it says matters.
                    {
                        handle(this, reader.Message);
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
            case ExcessResponse.Tell:
                Send(PreparedFrame.AnswerOf(new ErrorMessage(
                    ErrorCodes.RateLimited, "Too many messages; some were ignored", ErrorSeverity.Warning, Recoverable: true, "Send fewer messages",
                    _services.Time.GetUtcNow())));
                break;
            case ExcessResponse.Close:
                Close(CloseCode.PolicyViolation, "too many messages; come back after 30 s");
                break;
        }

        return false;
    }

    private void Leave() => Interlocked.Exchange(ref _leaving, null)?.Invoke(this);
}
