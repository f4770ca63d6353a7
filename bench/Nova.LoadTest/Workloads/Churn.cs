using Nova.LoadTest.Generator;

namespace Nova.LoadTest.Workloads;

/// <summary>Viewers who join at a steady rate and, once enough of them are there, leave at the same rate, first come first gone.</summary>
internal sealed class Churn : ITicker
{
    /// <summary>Well below the files that a process may open here.</summary>
    private const int MostViewers = 12_000;

    private readonly Audience _audience;
    private readonly IViewerSink _sink;
    private readonly double _interval;
    private readonly int _most;
    private readonly Queue<Viewer> _away = [];
    private readonly Queue<Viewer> _here = [];
    private long _startedAt;
    private long _due;

    /// <param name="audience">Of the others.</param>
    /// <param name="sink">Hears what they receive.</param>
    /// <param name="joinsPerSecond">And leaves.</param>
    /// <param name="most">Of them that are here at once.</param>
    public Churn(Audience audience, IViewerSink sink, double joinsPerSecond, int most)
    {
        (_audience, _sink, _interval, _most) = (audience, sink, EventLoop.Second / joinsPerSecond, most);
        audience.Changed = OnChanged;
    }

    public long DueAt { get; private set; } = long.MaxValue;

    public long Joins { get; private set; }

    public long Leaves { get; private set; }

    public void Start()
    {
        _startedAt = DueAt = EventLoop.Now;
        Joins = Leaves = _due = 0;
    }

    public void Stop() => DueAt = long.MaxValue;

    public void Fire(long now)
    {
        while (DueAt <= now)
        {
            DueAt = _startedAt + (long)(++_due * _interval);
            var joining = _away.TryDequeue(out var back) ? back : _audience.Viewers.Count < MostViewers ? _audience.Add(_sink) : null;
            if (joining is null)
            {
                continue; // The server is that far behind; what it took shows in the joins.
            }

            joining.Connect();
            Joins++;
            if (_here.Count > _most)
            {
                Leaves++;
                _here.Dequeue().Leave();
            }
        }
    }

    private void OnChanged(Viewer viewer)
    {
        if (viewer.Sink != _sink)
        {
            return;
        }

        (viewer.State == ViewerState.Open ? _here : _away).Enqueue(viewer);
    }
}
