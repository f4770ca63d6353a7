using Nova.Gateway.Viewers;
using Nova.Protocol;

namespace Nova.Gateway.Fanout;

/// <summary>
/// One stream on this gateway: its present state and its viewers. Only the stream's feed applies events; joins and leaves may come from
/// anywhere. A viewer joins with the state and gets every later event, each exactly once.
/// </summary>
internal sealed class StreamRoom
{
    /// <summary>A count that is older than the last by this much was not overtaken: another Redis with another clock sends it.</summary>
    private static readonly TimeSpan ClockSetBack = TimeSpan.FromSeconds(10);

    private readonly TimeProvider _time;
    private readonly RoomBroadcast _broadcast;
    private readonly Lock _lock = new();
    private readonly SortedDictionary<long, PreparedFrame> _inForce = [];
    private readonly Dictionary<Guid, DateTimeOffset> _removed = [];
    private HashSet<ViewerConnection> _uncounted = [];
    private StreamSnapshot _state;
    private ViewerCountEvent _count;
    private (int? Total, long Times) _told;
    private int _reportedViewers;

    public StreamRoom(StreamSnapshot snapshot, GatewayMetrics metrics, TimeProvider time)
    {
        _state = snapshot;
        _time = time;
        _broadcast = new RoomBroadcast(metrics);
        _count = new(snapshot.ViewerCount, snapshot.PeakViewers, 0, default);
        Advance(snapshot);
    }

    public Guid StreamId => _state.StreamId;

    public bool IsPrivate => _state.Visibility == StreamVisibility.Private;

    public string BroadcasterId => _state.BroadcasterId;

    /// <summary>The version viewers have been told.</summary>
    public long Version { get; private set; }

    public StreamStatus Status { get; private set; }

    /// <summary>The total that viewers were last told, null before the first time, and how many times they were told one.</summary>
    public (int? Total, long Times) Told
    {
        get
        {
            lock (_lock)
            {
                return _told;
            }
        }
    }

    public int LocalViewers => _broadcast.Viewers;

    public IEnumerable<ViewerConnection> Viewers => _broadcast.Buckets.SelectMany(bucket => bucket.Viewers);

    /// <summary>Whether enough waits for <see cref="FlushAsync"/> to make one good write.</summary>
    public bool IsFull => _broadcast.IsFull;

    /// <summary>Total and peak as last published.</summary>
    public ViewerCountEvent Count
    {
        get
        {
            lock (_lock)
            {
                return _count;
            }
        }
    }

    /// <summary>Whether this viewer was removed and may not come back yet.</summary>
    public bool IsRemoved(Guid viewerId)
    {
        lock (_lock)
        {
            return _removed.TryGetValue(viewerId, out var until) && _time.GetUtcNow() < until;
        }
    }

    /// <summary>Queues the greeting and the state for the viewer, then lets events through. It sends them itself, outside of the lock.</summary>
    public void Join(ViewerConnection viewer, PreparedFrame greeting)
    {
        lock (_lock)
        {
            var hasEnded = Status == StreamStatus.Ended;
            viewer.Begin(_broadcast.Number, [greeting, .. hasEnded ? [Ended()] : Array.Empty<PreparedFrame>(), .. _inForce.Values]);
            if (!hasEnded)
            {
                _broadcast.Join(viewer);
                _uncounted.Add(viewer);
                return;
            }
        }

        viewer.Close(CloseCode.Normal, "stream ended");
    }

    /// <returns>Whether the viewer was counted, so that the count is to be told.</returns>
    public bool Leave(ViewerConnection viewer)
    {
        lock (_lock)
        {
            _uncounted.Remove(viewer);
            return _broadcast.Leave(viewer);
        }
    }

    /// <summary>Takes over the snapshot's state and tells what viewers have not been told, in version order.</summary>
    public void Advance(StreamSnapshot newer)
    {
        lock (_lock)
        {
            foreach (var recent in newer.Events.Where(recent => recent.Version > Version))
            {
                var frame = new PreparedFrame(
                    recent.Event, PreparedFrame.KindOf(recent.Event), System.Text.Encoding.UTF8.GetBytes(recent.Envelope.GetRawText()));
                Remember(recent.Version, frame);
                Add(frame);
            }

            foreach (var removed in newer.Removed)
            {
                Remove(removed);
            }

            _state = newer;
            Version = Math.Max(Version, newer.Version);
            Status = newer.Status;
            _count = _count with { Peak = Math.Max(_count.Peak, newer.PeakViewers) };
        }
    }

    /// <summary>Applies the next event and tells it.</summary>
    public void Apply(long version, PreparedFrame frame)
    {
        lock (_lock)
        {
            Remember(version, frame); // Throws on data that is none of the event's, and then nothing has changed.
            Version = version;
            if (frame.EventName == EventNames.StreamStarted)
            {
                Status = StreamStatus.Active;
                _count = _count with { Peak = _count.Total }; // The broadcast's own peak begins (S16).
            }
            else if (frame.EventName == EventNames.StreamEnded)
            {
                Status = StreamStatus.Ended;
            }

            Add(frame);
        }
    }

    /// <summary>Lets a viewer go, on all of its sockets, and keeps it out for a while.</summary>
    public void Apply(long version, ViewerRemoved removed)
    {
        lock (_lock)
        {
            Version = version;
            Remove(removed);
        }
    }

    /// <summary>
    /// Applies a count, and tells it if it is news. The change told is from the count told before, whatever was lost, repeated or overtaken on
    /// the way here: changes add up to the difference of counts (R44).
    /// </summary>
    public void Apply(ViewerCountEvent count)
    {
        lock (_lock)
        {
            var isOvertaken = count.Timestamp < _count.Timestamp && _count.Timestamp - count.Timestamp < ClockSetBack;
            var isRepeated = _told.Total == count.Total && count.Peak <= _count.Peak;
            if (Status == StreamStatus.Ended || isOvertaken || isRepeated)
            {
                return; // Ended: no storm of −1 while everybody is let go (S48).
            }

            _count = count = count with { Change = count.Total - (_told.Total ?? (count.Total - count.Change)) };
            _told = (count.Total, _told.Times + 1);
            _uncounted = [];
            _broadcast.Add(PreparedFrame.Of(StreamId, count));
        }
    }

    /// <summary>Tells every viewer the same thing, which changes nothing here.</summary>
    public void Tell(PreparedFrame frame)
    {
        lock (_lock)
        {
            _broadcast.Add(frame);
        }
    }

    /// <summary>Tells every viewer the last thing they hear of this stream, and lets them go.</summary>
    public void End(PreparedFrame frame, string reason)
    {
        lock (_lock)
        {
            _broadcast.End(frame, reason);
        }
    }

    /// <summary>Sends what was told since the last time. For the stream's feed only, as is everything that tells.</summary>
    public ValueTask FlushAsync() => _broadcast.FlushAsync();

    /// <summary>
    /// This gateway's viewers were counted and nothing was published, since others left as these came. They still want to know the
    /// count (S18): returns them.
    /// </summary>
    public IReadOnlyCollection<ViewerConnection> TakeUncounted(int reported, ViewerCountEvent count, bool published)
    {
        lock (_lock)
        {
            _reportedViewers = reported;
            _count = _count with { Total = count.Total, Peak = Math.Max(_count.Peak, count.Peak) };
            if (published || _uncounted.Count == 0 || Status == StreamStatus.Ended)
            {
                return []; // The published count reaches them through the channel.
            }

            var uncounted = _uncounted;
            _uncounted = [];
            return uncounted;
        }
    }

    /// <summary>The answer to <c>get_stream_info</c>, with viewers of this gateway that are not in the published count yet.</summary>
    public StreamInfo Describe(string requestId)
    {
        lock (_lock)
        {
            var now = _time.GetUtcNow();
            var ended = Status == StreamStatus.Ended;
            var viewers = ended ? _state.ViewerCount : Math.Max(0, _count.Total + LocalViewers - _reportedViewers);
            var duration = Status == StreamStatus.Active && _state.StartedAt is { } started
                ? Math.Max(0, (long)(now - started).TotalSeconds)
                : _state.DurationSeconds;
            return new StreamInfo(
                requestId, StreamId, Status, viewers, Math.Max(ended ? _state.PeakViewers : _count.Peak, viewers), _state.Quality,
                _state.BitrateKbps, _state.Fps, duration, _state.BroadcasterName, now);
        }
    }

    private void Remove(ViewerRemoved removed)
    {
        var now = _time.GetUtcNow();
        foreach (var (viewerId, until) in _removed)
        {
            if (until <= now)
            {
                _removed.Remove(viewerId);
            }
        }

        if (removed.Until <= now || _removed.GetValueOrDefault(removed.ViewerId) >= removed.Until)
        {
            return;
        }

        _removed[removed.ViewerId] = removed.Until;
        foreach (var viewer in Viewers.Where(viewer => viewer.ViewerId == removed.ViewerId).ToList())
        {
            viewer.Expel(_time.GetUtcNow());
        }
    }

    private PreparedFrame Ended() => PreparedFrame.Of(new ErrorMessage(
        ErrorCodes.StreamEnded, "The stream has ended", ErrorSeverity.Info, false, "Watch another stream", _time.GetUtcNow()));

    private void Add(PreparedFrame frame)
    {
        if (frame.EventName == EventNames.StreamEnded)
        {
            _broadcast.End(frame, "stream ended");
        }
        else
        {
            _broadcast.Add(frame);
        }
    }

    /// <summary>What <c>stream_info</c> says changes with the events; their data is read once per event, not per viewer.</summary>
    private void Remember(long version, PreparedFrame frame)
    {
        var isInForce = frame.EventName != EventNames.Error || StateChange.IsLasting(frame);
        _state = StateChange.Apply(_state, frame);
        if (frame.EventName == EventNames.StreamEnded)
        {
            _inForce.Clear();
        }

        foreach (var (olderVersion, _) in _inForce.Where(older => older.Value.EventName == frame.EventName).ToList())
        {
            _inForce.Remove(olderVersion);
        }

        if (isInForce)
        {
            _inForce[version] = frame;
        }
    }
}
