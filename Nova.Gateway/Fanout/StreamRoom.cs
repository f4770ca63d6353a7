using Nova.Gateway.Frames;
using Nova.Gateway.Viewers;
using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.ServiceDefaults.Background;

namespace Nova.Gateway.Fanout;

/// <summary>
/// One stream on this gateway: its present state and its viewers. Only the stream's feed applies events; joins and leaves may come from
/// anywhere. A viewer joins with the state and gets every later event, each exactly once.
/// </summary>
internal sealed class StreamRoom
{
    /// <summary>An older timestamp by more than this means a different Redis clock, not reordering.</summary>
    private static readonly TimeSpan ClockSetBack = TimeSpan.FromSeconds(10);

    private readonly TimeProvider _time;
    private readonly RoomBroadcast _broadcast;
    private readonly Lock _lock = new();
    private readonly SortedDictionary<long, PreparedFrame> _retained = [];
    private readonly Dictionary<Guid, DateTimeOffset> _kicked = [];
    private HashSet<ViewerConnection> _uncounted = [];
    private StreamSnapshot _state;
    private ViewerCountEvent _count;
    private (int? Total, long Times) _announced;
    private int _reportedViewers;
    private int? _reporting;

    public StreamRoom(StreamSnapshot snapshot, GatewayMetrics metrics, LoopGuard guard, TimeProvider time)
    {
        _state = snapshot;
        _time = time;
        _broadcast = new RoomBroadcast(metrics, guard);
        _count = new(snapshot.ViewerCount, snapshot.PeakViewers, 0, default);
        Advance(snapshot, []);
    }

    public Guid StreamId => _state.StreamId;

    public bool IsPrivate => _state.Visibility == StreamVisibility.Private;

    public string BroadcasterId => _state.BroadcasterId;

    /// <summary>The version that was broadcast.</summary>
    public long Version { get; private set; }

    public StreamStatus Status { get; private set; }

    /// <summary>The total that was last broadcast, null before the first one, and how many totals were.</summary>
    public (int? Total, long Times) LastAnnounced
    {
        get
        {
            lock (_lock)
            {
                return _announced;
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

    /// <summary>Whether this viewer was kicked and may not come back yet.</summary>
    public bool IsKicked(Guid viewerId)
    {
        lock (_lock)
        {
            return _kicked.TryGetValue(viewerId, out var until) && _time.GetUtcNow() < until;
        }
    }

    /// <summary>Queues the greeting and the state for the viewer, then lets events through. The caller starts the viewer after the lock is released.</summary>
    public void Join(ViewerConnection viewer, PreparedFrame greeting)
    {
        lock (_lock)
        {
            var hasEnded = Status == StreamStatus.Ended;
            viewer.Begin(_broadcast.Number, [greeting, .. hasEnded ? [Ended()] : Array.Empty<PreparedFrame>(), .. _retained.Values]);
            if (!hasEnded)
            {
                _broadcast.Join(viewer);
                _uncounted.Add(viewer);
                return;
            }
        }

        viewer.Close(ViewerClose.StreamEnded);
    }

    /// <returns>Whether the viewer was counted, so that a new count is due.</returns>
    public bool Leave(ViewerConnection viewer)
    {
        lock (_lock)
        {
            _uncounted.Remove(viewer);
            return _broadcast.Leave(viewer);
        }
    }

    /// <summary>
    /// Takes over the snapshot's state and broadcasts what was not broadcast, in version order. A snapshot that the feed has overtaken while it was
    /// read changes nothing: it would take the room back, and an ended stream would be active again.
    /// </summary>
    /// <param name="alsoMissed">Events of which the snapshot has no trace any more, such as an error that another one has replaced.</param>
    public void Advance(StreamSnapshot newer, IReadOnlyList<StreamEvent> alsoMissed)
    {
        lock (_lock)
        {
            foreach (var kick in newer.Kicks)
            {
                Kick(kick);
            }

            if (newer.Version < Version)
            {
                return;
            }

            var recent = newer.Events.Select(recent => (recent.Version, Frame: FrameOf(recent))).ToList();
            var missed = alsoMissed
                .Where(missed => missed.EventName != EventNames.ViewerKicked && recent.TrueForAll(other => other.Version != missed.Version))
                .Select(missed => (missed.Version, Frame: PreparedFrame.Of(missed)));
            foreach (var (_, frame) in recent.Concat(missed).Where(late => late.Version > Version).OrderBy(late => late.Version))
            {
                Add(frame);
            }

            _retained.Clear();
            foreach (var (version, frame) in recent.Where(recent => IsRetained(recent.Frame, newer.Status)))
            {
                _retained[version] = frame;
            }

            (_state, Version, Status) = (newer, newer.Version, newer.Status);
            CloseUnauthorized();
            _count = _count with { Peak = Math.Max(_count.Peak, newer.PeakViewers) };
        }
    }

    /// <summary>Applies the next event and broadcasts it.</summary>
    public void Apply(long version, PreparedFrame frame)
    {
        lock (_lock)
        {
            Retain(version, frame); // Throws on data that is none of the event's, and then nothing has changed.
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
            if (frame.EventName == EventNames.StreamUpdated)
            {
                CloseUnauthorized();
            }
        }
    }

    /// <summary>Kicks a viewer, on all of its sockets, and refuses it for a while.</summary>
    public void Apply(long version, ViewerKick kick)
    {
        lock (_lock)
        {
            Version = version;
            Kick(kick);
        }
    }

    /// <summary>
    /// Applies a count, and broadcasts it if it is news. Its change is from the count broadcast before, whatever was lost, repeated or overtaken on
    /// the way here: changes add up to the difference of counts (R44).
    /// </summary>
    public void Apply(ViewerCountEvent count)
    {
        lock (_lock)
        {
            var isOvertaken = count.Timestamp < _count.Timestamp && _count.Timestamp - count.Timestamp < ClockSetBack;
            var isRepeated = _announced.Total == count.Total && count.Peak <= _count.Peak;
            if (Status == StreamStatus.Ended || isOvertaken || isRepeated)
            {
                return; // Ended: no storm of −1 while all sockets close (S48).
            }

            _count = count = count with { Change = count.Total - (_announced.Total ?? (count.Total - count.Change)) };
            _announced = (count.Total, _announced.Times + 1);
            _reportedViewers = _reporting ?? _reportedViewers; // Else Describe counts them twice until the answer is here.
            _uncounted = [];
            _broadcast.Add(PreparedFrame.Of(StreamId, count));
        }
    }

    /// <summary>Broadcasts a message that changes no state.</summary>
    public void Broadcast(PreparedFrame frame)
    {
        lock (_lock)
        {
            _broadcast.Add(frame);
        }
    }

    /// <summary>Broadcasts the last message of this stream and closes every viewer.</summary>
    public void End(PreparedFrame frame, ViewerClose close)
    {
        lock (_lock)
        {
            _broadcast.End(frame, close);
        }
    }

    /// <summary>Sends what was added since the last time. For the stream's feed only, in its turn, like everything that broadcasts.</summary>
    public ValueTask FlushAsync() => _broadcast.FlushAsync();

    /// <summary>A report of this gateway's viewers is on its way. The count that it makes may come before its answer.</summary>
    public void OnReporting(int viewers)
    {
        lock (_lock)
        {
            _reporting = viewers;
        }
    }

    /// <summary>
    /// A report of this gateway's viewers was answered. Returns those who are counted now without a published count, since others left as they
    /// came: they still want to know it (S18).
    /// </summary>
    public IReadOnlyCollection<ViewerConnection> OnReported(int reported, ViewerCountEvent count, bool published)
    {
        lock (_lock)
        {
            (_reportedViewers, _reporting) = (reported, null);
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

    /// <summary>A kick closes sockets whenever it arrives; whether it keeps the viewer out depends on the time.</summary>
    private void Kick(ViewerKick kick)
    {
        var now = _time.GetUtcNow();
        foreach (var (viewerId, until) in _kicked)
        {
            if (until <= now)
            {
                _kicked.Remove(viewerId);
            }
        }

        if (_kicked.GetValueOrDefault(kick.ViewerId) >= kick.Until)
        {
            return; // Known already, from a snapshot or the channel.
        }

        if (kick.Until > now)
        {
            _kicked[kick.ViewerId] = kick.Until;
        }

        foreach (var viewer in Viewers.Where(viewer => viewer.ViewerId == kick.ViewerId).ToList())
        {
            viewer.Kick(now);
        }
    }

    /// <summary>The stream may have turned private: who may not watch it any more is closed.</summary>
    private void CloseUnauthorized()
    {
        foreach (var viewer in IsPrivate ? Viewers.Where(viewer => !viewer.Token.MayWatchPrivate).ToList() : [])
        {
            viewer.Kick(_time.GetUtcNow());
        }
    }

    /// <summary>A late joiner gets the start, what it says of the stream now, the newest quality change and an error that still holds (S15).</summary>
    private static bool IsRetained(PreparedFrame frame, StreamStatus status) => frame.EventName switch
    {
        EventNames.Error => status != StreamStatus.Scheduled && StateChange.IsLasting(frame), // Before the start a joiner gets its greeting alone (S14).
        EventNames.StreamUpdated => status != StreamStatus.Scheduled,
        _ => true,
    };

    private PreparedFrame Ended() => PreparedFrame.Of(Notices.StreamEnded(_time.GetUtcNow()));

    private void Add(PreparedFrame frame)
    {
        if (frame.EventName == EventNames.StreamEnded)
        {
            _broadcast.End(frame, ViewerClose.StreamEnded);
        }
        else
        {
            _broadcast.Add(frame);
        }
    }

    /// <summary>The event as the room has it already, or made of the snapshot.</summary>
    private PreparedFrame FrameOf(SnapshotEvent recent) =>
        _retained.TryGetValue(recent.Version, out var frame) && frame.EventName == recent.Event
            ? frame
            : new PreparedFrame(recent.Event, PreparedFrame.KindOf(recent.Event), System.Text.Encoding.UTF8.GetBytes(recent.Envelope.GetRawText()));

    /// <summary>What <c>stream_info</c> says changes with the events; their data is read once per event, not per viewer.</summary>
    private void Retain(long version, PreparedFrame frame)
    {
        var isRetained = IsRetained(frame, _state.Status);
        _state = StateChange.Apply(_state, frame);
        if (frame.EventName == EventNames.StreamEnded)
        {
            _retained.Clear();
        }

        foreach (var (olderVersion, older) in _retained.Where(older => older.Value.EventName == frame.EventName).ToList())
        {
            _retained.Remove(olderVersion);
            frame = frame.EventName == EventNames.StreamUpdated ? StateChange.Merge(older, frame) : frame;
        }

        if (isRetained)
        {
            _retained[version] = frame;
        }
    }
}
