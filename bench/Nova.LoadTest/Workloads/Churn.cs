using Nova.LoadTest.Generator;

namespace Nova.LoadTest.Workloads;

/// <summary>Viewers who join at a steady rate and, once enough are connected, leave at the same rate, oldest first.</summary>
internal sealed class Churn : ITicker
{
    /// <summary>Well below the open-file limit.</summary>
    private const int MaxViewers = 12_000;

    private readonly Audience _audience;
    private readonly IViewerSink _sink;
    private readonly double _interval;
    private readonly int _maxConnected;
    private readonly Queue<Viewer> _disconnected = [];
    private readonly Queue<Viewer> _connected = [];
    private long _startedAt;
    private long _fired;

    /// <param name="audience">The audience that they join.</param>
    /// <param name="sink">Receives their messages.</param>
    /// <param name="joinsPerSecond">The rate of joins, and of leaves.</param>
    /// <param name="maxConnected">A join beyond this number makes the oldest viewer leave.</param>
    public Churn(Audience audience, IViewerSink sink, double joinsPerSecond, int maxConnected)
    {
        (_audience, _sink, _interval, _maxConnected) = (audience, sink, EventLoop.Second / joinsPerSecond, maxConnected);
        audience.Changed = OnChanged;
    }

    public long DueAt { get; private set; } = long.MaxValue;

    public long Joins { get; private set; }

    public long Leaves { get; private set; }

    public void Start()
    {
        _startedAt = DueAt = EventLoop.Now;
        Joins = Leaves = _fired = 0;
    }

    public void Stop() => DueAt = long.MaxValue;

    public void Fire(long now)
    {
        while (DueAt <= now)
        {
            DueAt = _startedAt + (long)(++_fired * _interval);
            var joining = _disconnected.TryDequeue(out var back) ? back : _audience.Viewers.Count < MaxViewers ? _audience.Add(_sink) : null;
            if (joining is null)
            {
                continue; // The server is too far behind; the number of joins shows it.
            }

            joining.Connect();
            Joins++;
            if (_connected.Count > _maxConnected)
            {
                Leaves++;
                _connected.Dequeue().Leave();
            }
        }
    }

    private void OnChanged(Viewer viewer)
    {
        if (viewer.Sink != _sink)
        {
            return;
        }

        (viewer.State == ViewerState.Open ? _connected : _disconnected).Enqueue(viewer);
    }
}
