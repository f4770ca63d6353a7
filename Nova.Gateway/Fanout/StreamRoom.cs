using System.Collections.Immutable;
using Nova.Gateway.Viewers;
using Nova.Protocol;

namespace Nova.Gateway.Fanout;

/// <summary>
/// One stream on this gateway: its present state and its viewers. Only the stream's feed applies events; joins and leaves may come from
/// anywhere. A viewer joins with the state and gets every later event, each exactly once.
/// </summary>
internal sealed class StreamRoom
{
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly SortedDictionary<long, PreparedFrame> _inForce = [];
    private ImmutableArray<ViewerConnection> _viewers = [];
    private HashSet<ViewerConnection> _uncounted = [];
    private StreamSnapshot _state;
    private ViewerCountEvent _count;
    private int _reportedViewers;

    public StreamRoom(StreamSnapshot snapshot, TimeProvider time)
    {
        _state = snapshot;
        _time = time;
        _count = new(snapshot.ViewerCount, snapshot.PeakViewers, 0, default);
        Advance(snapshot);
    }

    public Guid StreamId => _state.StreamId;

    public bool IsPrivate => _state.Visibility == StreamVisibility.Private;

    public string BroadcasterId => _state.BroadcasterId;

    /// <summary>The version viewers have been told.</summary>
    public long Version { get; private set; }

    public StreamStatus Status { get; private set; }

    public int LocalViewers => _viewers.Length;

    public ImmutableArray<ViewerConnection> Viewers => _viewers;

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

    /// <summary>Sends the greeting and the state, then lets events through.</summary>
    public void Join(ViewerConnection viewer, PreparedFrame greeting)
    {
        lock (_lock)
        {
            viewer.Send(greeting);
            if (Status == StreamStatus.Ended)
            {
                viewer.Send(PreparedFrame.Of(new ErrorMessage(
                    ErrorCodes.StreamEnded, "The stream has ended", ErrorSeverity.Info, false, "Watch another stream", _time.GetUtcNow())));
            }

            foreach (var frame in _inForce.Values)
            {
                viewer.Send(frame);
            }

            if (Status == StreamStatus.Ended)
            {
                viewer.Close(CloseCode.Normal, "stream ended");
                return;
            }

            _viewers = _viewers.Add(viewer);
            _uncounted.Add(viewer);
        }
    }

    /// <returns>Whether the viewer was counted, so that the count is to be told.</returns>
    public bool Leave(ViewerConnection viewer)
    {
        lock (_lock)
        {
            var before = _viewers.Length;
            _viewers = _viewers.Remove(viewer);
            _uncounted.Remove(viewer);
            return _viewers.Length < before;
        }
    }

    /// <summary>Takes over the snapshot's state and returns what viewers have not been told, in version order, and who is to be told.</summary>
    public (ImmutableArray<ViewerConnection> Viewers, IReadOnlyList<PreparedFrame> News) Advance(StreamSnapshot newer)
    {
        lock (_lock)
        {
            List<PreparedFrame> news = [];
            foreach (var recent in newer.Events.Where(recent => recent.Version > Version))
            {
                var frame = new PreparedFrame(
                    recent.Event, PreparedFrame.KindOf(recent.Event), System.Text.Encoding.UTF8.GetBytes(recent.Envelope.GetRawText()));
                news.Add(frame);
                Remember(recent.Version, frame);
            }

            _state = newer;
            Version = Math.Max(Version, newer.Version);
            Status = newer.Status;
            _count = _count with { Peak = Math.Max(_count.Peak, newer.PeakViewers) };
            return (_viewers, news);
        }
    }

    /// <summary>Applies the next event and returns who is to get it.</summary>
    public ImmutableArray<ViewerConnection> Apply(long version, PreparedFrame frame)
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

            return _viewers;
        }
    }

    /// <summary>The total that viewers were last told; null before the first time.</summary>
    public int? ToldTotal { get; private set; }

    /// <summary>Takes a count that was published; null where it tells nobody anything.</summary>
    public ImmutableArray<ViewerConnection>? Apply(ViewerCountEvent count)
    {
        lock (_lock)
        {
            if (Status == StreamStatus.Ended)
            {
                return null; // No storm of −1 while everybody is let go (S48).
            }

            _count = count;
            ToldTotal = count.Total;
            _uncounted = [];
            return _viewers;
        }
    }

    /// <summary>
    /// This gateway's viewers were counted and nothing was published, since others left as these came. They still want to know the
    /// count (S18): returns them, with it.
    /// </summary>
    public (IReadOnlyCollection<ViewerConnection> Viewers, ViewerCountEvent Count) TakeUncounted(int reported, ViewerCountEvent count, bool published)
    {
        lock (_lock)
        {
            _reportedViewers = reported;
            _count = _count with { Total = count.Total, Peak = Math.Max(_count.Peak, count.Peak) };
            if (published || _uncounted.Count == 0 || Status == StreamStatus.Ended)
            {
                return ([], count); // The published count reaches them through the channel.
            }

            var uncounted = _uncounted;
            _uncounted = [];
            return (uncounted, count);
        }
    }

    /// <summary>The answer to <c>get_stream_info</c>, with viewers of this gateway that are not in the published count yet.</summary>
    public StreamInfo Describe(string requestId)
    {
        lock (_lock)
        {
            var now = _time.GetUtcNow();
            var ended = Status == StreamStatus.Ended;
            var viewers = ended ? _state.ViewerCount : Math.Max(0, _count.Total + _viewers.Length - _reportedViewers);
            var duration = Status == StreamStatus.Active && _state.StartedAt is { } started
                ? Math.Max(0, (long)(now - started).TotalSeconds)
                : _state.DurationSeconds;
            return new StreamInfo(
                requestId, StreamId, Status, viewers, Math.Max(ended ? _state.PeakViewers : _count.Peak, viewers), _state.Quality,
                _state.BitrateKbps, _state.Fps, duration, _state.BroadcasterName, now);
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
