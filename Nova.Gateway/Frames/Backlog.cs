using Nova.Protocol;

namespace Nova.Gateway.Frames;

/// <summary>
/// What waits for one viewer who does not keep up: at most <see cref="Limits.Backlog"/> messages. Counts and bitrates conflate, so that one
/// of each waits at most and the newest is never lost; then the oldest droppable is dropped; lifecycle and errors never are (S23, S24): where
/// they alone are too many, the viewer is shed. Not thread-safe: its viewer locks.
/// </summary>
internal sealed class Backlog(Guid streamId, TimeProvider time)
{
    /// <summary>Keeps a place in the queue for what is made when its turn comes.</summary>
    private static readonly PreparedFrame Placeholder = new("", FrameKind.Essential, []);

    private readonly LinkedList<PreparedFrame> _frames = [];
    private LinkedListNode<PreparedFrame>? _gap;
    private LinkedListNode<PreparedFrame>? _qualityAgain;
    private LinkedListNode<PreparedFrame>? _count;
    private LinkedListNode<PreparedFrame>? _bitrate;
    private LinkedListNode<PreparedFrame>? _pong;
    private Dictionary<string, int> _dropped = [];
    private PreparedFrame? _droppedQuality;
    private DateTimeOffset _firstDropped;
    private DateTimeOffset _lastDropped;

    public int Length => _frames.Count - (_gap is null ? 0 : 1) - (_qualityAgain is null ? 0 : 1);

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

        return Length <= Limits.Backlog ? effect : DropOldest() ? BacklogEffect.Dropped : BacklogEffect.Overflowed;
    }

    /// <summary>Takes the next message. A gap is announced in its place, and the newest quality that was dropped is sent again in its own.</summary>
    public PreparedFrame? Take()
    {
        while (_frames.First is { } first)
        {
            _frames.RemoveFirst();
            if (first == _gap)
            {
                _gap = null;
                return TakeNotice();
            }

            if (first != _qualityAgain)
            {
                return first.Value;
            }

            _qualityAgain = null;
            if (_frames.All(frame => frame.Kind != FrameKind.Quality)) // Else a newer one is on its way.
            {
                return _droppedQuality;
            }
        }

        return null;
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

            Note(node);
            _frames.Remove(node);
            return true;
        }

        return false;
    }

    private void Note(LinkedListNode<PreparedFrame> node)
    {
        _lastDropped = time.GetUtcNow();
        if (_gap is null)
        {
            _gap = _frames.AddBefore(node, Placeholder);
            _dropped = [];
            _firstDropped = _lastDropped;
        }

        var frame = node.Value;
        _dropped[frame.EventName] = _dropped.GetValueOrDefault(frame.EventName) + 1;
        if (frame.Kind == FrameKind.Quality)
        {
            if (_qualityAgain is not null)
            {
                _frames.Remove(_qualityAgain);
            }

            (_droppedQuality, _qualityAgain) = (frame, _frames.AddBefore(node, Placeholder));
        }
    }

    private PreparedFrame TakeNotice()
    {
        var dropped = _dropped;
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
