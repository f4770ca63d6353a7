using Nova.Protocol;

namespace Nova.Gateway.Fanout;

/// <summary>
/// What waits for one viewer who does not keep up: at most <see cref="Limits.Backlog"/> messages. Counts and bitrates conflate, so that one
/// of each waits at most and the newest is never lost; then the oldest droppable goes; lifecycle and errors never do (S23, S24): where they
/// alone are too many, the viewer is beyond help. Not thread-safe: its viewer locks.
/// </summary>
internal sealed class Backlog(Guid streamId, TimeProvider time)
{
    private readonly LinkedList<PreparedFrame> _frames = [];
    private LinkedListNode<PreparedFrame>? _count;
    private LinkedListNode<PreparedFrame>? _bitrate;
    private LinkedListNode<PreparedFrame>? _pong;
    private Dictionary<string, int>? _dropped;
    private PreparedFrame? _droppedQuality;
    private DateTimeOffset _firstDropped;
    private DateTimeOffset _lastDropped;

    public int Length => _frames.Count;

    /// <returns>What happened to make room: nothing, a merge, a drop.</returns>
    public BacklogEffect Add(PreparedFrame frame)
    {
        var effect = BacklogEffect.None;
        switch (frame.Kind)
        {
            case FrameKind.Count:
                if (_count is { List: not null } pending)
                {
                    frame = Merge(pending.Value, frame);
                    _frames.Remove(pending);
                    effect = BacklogEffect.Conflated;
                }

                _count = _frames.AddLast(frame);
                break;
            case FrameKind.Bitrate:
                effect = Replace(ref _bitrate, frame);
                break;
            case FrameKind.Pong:
                effect = Replace(ref _pong, frame);
                break;
            default:
                _frames.AddLast(frame);
                break;
        }

        return _frames.Count <= Limits.Backlog ? effect : DropOldest() ? BacklogEffect.Dropped : BacklogEffect.Overflowed;
    }

    /// <summary>Takes the next message; a gap is announced in its place, before what follows it.</summary>
    public PreparedFrame? Take()
    {
        if (_dropped is not null)
        {
            return TakeNotice();
        }

        if (_droppedQuality is { } quality)
        {
            _droppedQuality = null;
            return quality;
        }

        var first = _frames.First;
        if (first is null)
        {
            return null;
        }

        _frames.RemoveFirst();
        return first.Value;
    }

    /// <summary>Puts back what was taken and could not be sent, to be taken again first.</summary>
    public void Return(ReadOnlySpan<PreparedFrame> frames)
    {
        for (var i = frames.Length - 1; i >= 0; i--)
        {
            var node = _frames.AddFirst(frames[i]);
            switch (frames[i].Kind)
            {
                case FrameKind.Count:
                    _count = node;
                    break;
                case FrameKind.Bitrate:
                    _bitrate = node;
                    break;
                case FrameKind.Pong:
                    _pong = node;
                    break;
            }
        }
    }

    private BacklogEffect Replace(ref LinkedListNode<PreparedFrame>? newest, PreparedFrame frame)
    {
        var effect = BacklogEffect.None;
        if (newest is { List: not null })
        {
            _frames.Remove(newest);
            effect = BacklogEffect.Conflated;
        }

        newest = _frames.AddLast(frame);
        return effect;
    }

    private bool DropOldest()
    {
        for (var node = _frames.First; node is not null; node = node.Next)
        {
            if (node.Value.Kind is not (FrameKind.Quality or FrameKind.Droppable))
            {
                continue;
            }

            _frames.Remove(node);
            Note(node.Value);
            return true;
        }

        return false;
    }

    private void Note(PreparedFrame frame)
    {
        _lastDropped = time.GetUtcNow();
        if (_dropped is null)
        {
            _dropped = [];
            _firstDropped = _lastDropped;
        }

        _dropped[frame.EventName] = _dropped.GetValueOrDefault(frame.EventName) + 1;
        if (frame.Kind == FrameKind.Quality)
        {
            _droppedQuality = frame;
        }
    }

    private PreparedFrame TakeNotice()
    {
        var dropped = _dropped!;
        _dropped = null;
        if (_frames.Any(frame => frame.Kind == FrameKind.Quality))
        {
            _droppedQuality = null; // A newer one is on its way.
        }

        return PreparedFrame.Of(new ErrorMessage(
            ErrorCodes.MessagesDropped,
            "This connection fell behind and some messages were dropped",
            ErrorSeverity.Warning,
            Recoverable: true,
            "None, the present state follows",
            time.GetUtcNow(),
            dropped.Values.Sum(),
            dropped,
            _firstDropped,
            _lastDropped));
    }

    private PreparedFrame Merge(PreparedFrame older, PreparedFrame newer) =>
        PreparedFrame.Of(streamId, newer.Count with { Change = older.Count.Change + newer.Count.Change });
}

internal enum BacklogEffect
{
    None,
    Conflated,
    Dropped,

    /// <summary>Nothing in it may be dropped.</summary>
    Overflowed,
}
