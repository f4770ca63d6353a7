using Nova.Gateway.Frames;
using Nova.Gateway.WebSockets;
using Nova.Protocol;

namespace Nova.Gateway.Viewers;

/// <summary>
/// What goes out to one viewer. One who keeps up is written to by the sender's own thread and holds no memory; one who does not gets a
/// backlog, and a pump that waits for its socket and then merges all that is pending into one write. Nobody ever waits for a viewer.
/// </summary>
/// <remarks>Every write is made under the lock or by the one pump there is while a backlog exists, so frames never interleave.</remarks>
internal sealed class ViewerWriter(ViewerTransport transport, Guid streamId, ViewerDependencies services)
{
    /// <summary>For merging; used under a lock and never across an await.</summary>
    [ThreadStatic]
    private static FrameBatch? _merging;

    private readonly Lock _lock = new();

    /// <summary>Null while the viewer keeps up. Until <see cref="Start"/>, everything waits here.</summary>
    private Backlog? _backlog = new(streamId, services.Time);
    private TaskCompletionSource? _closed;
    private long _waitingSince;
    private bool _isBroken;

    /// <summary>Number of the newest frame of its room when the viewer joined.</summary>
    public long JoinedAt { get; set; }

    /// <summary>Whether the close frame is out.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>The backlog is full of frames that must not be dropped; the wheel closes the viewer.</summary>
    public bool IsOverflowing { get; private set; }

    /// <summary>How long the viewer has taken nothing of what waits for it.</summary>
    public TimeSpan Stalled => Volatile.Read(ref _waitingSince) is var since and not 0 ? services.Time.GetElapsedTime(since) : TimeSpan.Zero;

    /// <summary>Sends what has been queued since the viewer was made: greeting and state leave in one write.</summary>
    public void Start() => _ = PumpAsync(default);

    public void Send(PreparedFrame frame)
    {
        ReadOnlyMemory<byte> rest;
        lock (_lock)
        {
            if (TryQueue([frame]))
            {
                return;
            }

            var sent = transport.TrySend(frame.Bytes.Span);
            if (sent == frame.Bytes.Length)
            {
                services.Metrics.Written(1, sent);
                return;
            }

            rest = FallBehind(frame.Bytes, sent);
            Count(rest, sent);
        }

        _ = PumpAsync(rest);
    }

    /// <summary>Sends what of the batch the viewer does not have yet.</summary>
    /// <returns>How many frames and bytes went out at once.</returns>
    public (int Frames, int Bytes) Send(FrameBatch batch)
    {
        ReadOnlyMemory<byte> rest;
        (int Frames, int Bytes) result;
        lock (_lock)
        {
            var first = batch.FirstAfter(JoinedAt);
            if (first == batch.Frames.Length || TryQueue(batch.Frames[first..]))
            {
                return default;
            }

            var bytes = batch.From(first);
            var sent = transport.TrySend(bytes);
            if (sent == bytes.Length)
            {
                return (batch.Frames.Length - first, sent);
            }

            var (cut, offset) = batch.Locate(first, Math.Max(0, sent));
            rest = FallBehind(batch.Frames[cut].Bytes, sent < 0 ? sent : offset);
            TryQueue(batch.Frames[(cut + 1)..]);
            result = sent < 0 ? default : (cut - first + 1, sent + rest.Length); // The frame that was cut is on its way with its rest.
        }

        _ = PumpAsync(rest);
        return result;
    }

    /// <summary>Lets what is pending out, then closes. The first call decides code and reason; nothing follows it.</summary>
    /// <param name="lastWord">Tells why; nothing comes between it and the close frame.</param>
    /// <returns>When the close frame is out, or the connection broken.</returns>
    public Task CloseAsync(CloseCode code, string reason, PreparedFrame? lastWord = null)
    {
        lock (_lock)
        {
            if (_isBroken || _closed is not null)
            {
                return _closed?.Task ?? Task.CompletedTask;
            }

            var isIdle = _backlog is null;
            _backlog = _backlog is null || IsOverflowing ? new Backlog(streamId, services.Time) : _backlog;
            if (lastWord is not null)
            {
                _backlog.Add(lastWord);
            }

            _backlog.Add(PreparedFrame.Close(code, reason));
            _closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (!isIdle)
            {
                return _closed.Task; // The pump is at it, or starts with Start.
            }
        }

        _ = PumpAsync(default);
        return _closed.Task;
    }

    /// <summary>
    /// Queues the frames if the viewer has a backlog; ignores them once it is closing. Returns false if they must be written now.
    /// </summary>
    private bool TryQueue(ReadOnlySpan<PreparedFrame> frames)
    {
        if (_isBroken || _closed is not null || IsOverflowing)
        {
            return true;
        }

        if (_backlog is null)
        {
            return false;
        }

        foreach (var frame in frames)
        {
            switch (_backlog.Add(frame))
            {
                case BacklogEffect.Conflated:
                    services.Metrics.Conflated();
                    break;
                case BacklogEffect.Dropped:
                    services.Metrics.Dropped();
                    break;
                case BacklogEffect.Overflowed:
                    IsOverflowing = true;
                    return true;
            }
        }

        return true;
    }

    /// <summary>Counts a frame that was cut: the pump sends the rest of it.</summary>
    private void Count(ReadOnlyMemory<byte> rest, int sent)
    {
        if (sent >= 0)
        {
            services.Metrics.Written(1, sent + rest.Length);
        }
    }

    /// <returns>What is left of the frame that was cut, or all of the one that did not fit.</returns>
    private ReadOnlyMemory<byte> FallBehind(ReadOnlyMemory<byte> frame, int sent)
    {
        if (sent < 0)
        {
            Break();
            return default;
        }

        _backlog = new Backlog(streamId, services.Time);
        return frame[sent..];
    }

    private async Task PumpAsync(ReadOnlyMemory<byte> rest)
    {
        try
        {
            do
            {
                if (!rest.IsEmpty)
                {
                    Volatile.Write(ref _waitingSince, services.Time.GetTimestamp());
                    await transport.SendAsync(rest);
                    Volatile.Write(ref _waitingSince, 0);
                }
            }
            while (SendPending(out rest));
        }
        catch (IOException)
        {
            Break();
        }
        catch (Exception exception)
        {
            services.Logger.ViewerFailed(exception);
            Break();
        }
    }

    /// <summary>Sends as much of the backlog as goes out at once.</summary>
    /// <param name="rest">What has to be waited for before anything else can be sent.</param>
    /// <returns>False when nothing is left.</returns>
    private bool SendPending(out ReadOnlyMemory<byte> rest)
    {
        lock (_lock)
        {
            var batch = _merging ??= new FrameBatch();
            while (!_isBroken && _backlog is { } backlog)
            {
                batch.Clear();
                while (!batch.IsFull && backlog.Take() is { } frame)
                {
                    batch.Add(frame, number: 0);
                }

                if (batch.IsEmpty)
                {
                    EndBacklog();
                }
                else if (TrySend(batch, backlog, out rest))
                {
                    return true;
                }
            }

            rest = default;
            return false;
        }
    }

    /// <returns>Whether there is a rest to wait for.</returns>
    private bool TrySend(FrameBatch batch, Backlog backlog, out ReadOnlyMemory<byte> rest)
    {
        rest = default;
        var bytes = batch.From(0);
        var sent = transport.IsDirect ? transport.TrySend(bytes) : 0;
        if (sent < 0)
        {
            Break();
        }
        else if (!transport.IsDirect)
        {
            rest = bytes.ToArray();
            services.Metrics.Written(batch.Frames.Length, bytes.Length);
        }
        else if (sent < bytes.Length)
        {
            var (cut, offset) = batch.Locate(0, sent);
            rest = batch.Frames[cut].Bytes[offset..];
            backlog.Return(batch.Frames[(cut + 1)..]);
            services.Metrics.Written(cut + 1, sent + rest.Length);
        }
        else
        {
            services.Metrics.Written(batch.Frames.Length, sent);
        }

        return !rest.IsEmpty;
    }

    private void EndBacklog()
    {
        _backlog = null;
        if (_closed is not null)
        {
            IsClosed = true;
            _closed.TrySetResult();
        }
    }

    /// <summary>The peer is gone; the receive loop ends and says so.</summary>
    private void Break()
    {
        lock (_lock)
        {
            _isBroken = true;
            _backlog = null;
            _closed?.TrySetResult();
        }

        transport.Abort();
    }
}
