using HdrHistogram;

namespace Nova.LoadTest.Generator;

/// <summary>All viewers of a run, connected to one system.</summary>
internal sealed class Audience(EventLoop loop, IViewerProtocol protocol) : IDisposable
{
    /// <summary>Linux has 28,232 ephemeral ports per source address; more viewers than that connect from 127.0.0.2, .3 and so on.</summary>
    private const int ViewersPerSource = 28_000;

    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(120);

    private readonly List<Viewer> _viewers = [];
    private readonly byte[] _readBuffer = new byte[256 * 1024];
    private readonly HashSet<Viewer> _smallBuffers = [];
    private int _next;
    private int _inFlight;
    private int _completed;

    /// <summary>Offset of the number's marker in the last event, see <see cref="EventPayload.TryRead"/>.</summary>
    public int EventOffset;

    public EventLoop Loop => loop;

    public IViewerProtocol Protocol => protocol;

    public IReadOnlyList<Viewer> Viewers => _viewers;

    public Span<byte> ReadBuffer => _readBuffer;

    /// <summary>Reads that returned data. Frames per read show how well the server batches its writes.</summary>
    public long Reads { get; set; }

    public int Open { get; private set; }

    /// <summary>Viewers that failed to connect.</summary>
    public int Refused { get; private set; }

    /// <summary>Viewers whose connection ended although they were not leaving.</summary>
    public int Lost { get; private set; }

    public string? FirstFailure { get; private set; }

    /// <summary>Time from the connect call to the connected state, in microseconds.</summary>
    public LongHistogram ConnectTimes { get; private set; } = Latency.NewHistogram();

    /// <summary>Called for each viewer that has connected or disconnected.</summary>
    public Action<Viewer>? Changed { get; set; }

    public Viewer Add(IViewerSink sink, bool smallReceiveBuffer = false)
    {
        var viewer = new Viewer(this, _viewers.Count, sink);
        _viewers.Add(viewer);
        if (smallReceiveBuffer)
        {
            _smallBuffers.Add(viewer);
        }

        return viewer;
    }

    /// <summary>Connects every disconnected viewer, with at most <paramref name="inFlight"/> connects at once.</summary>
    public void ConnectAll(int inFlight)
    {
        var waiting = _viewers.Where(viewer => viewer.State is ViewerState.Idle or ViewerState.Closed).ToList();
        var pumping = false; // A connect that fails at once calls Pump again from inside the loop.
        (_next, _inFlight, _completed, Refused, Lost, FirstFailure) = (0, 0, 0, 0, 0, null);
        ConnectTimes = Latency.NewHistogram();
        Changed = _ => Pump();
        Pump();
        loop.RunUntil(() => _completed == waiting.Count, ConnectTimeout);
        Changed = null;

        void Pump()
        {
            if (pumping)
            {
                return;
            }

            pumping = true;
            while (_next < waiting.Count && _inFlight < inFlight)
            {
                _inFlight++;
                waiting[_next++].Connect();
            }

            pumping = false;
        }
    }

    /// <exception cref="LoadTestException">Not all viewers are connected.</exception>
    public void RequireAllOpen()
    {
        if (Open < _viewers.Count)
        {
            throw new LoadTestException(
                $"Only {Open} of {_viewers.Count} viewers are connected; {Refused} were refused, {Lost} were lost. First error: {FirstFailure ?? "timeout"}");
        }
    }

    public byte? SourceOf(int index) => _viewers.Count <= ViewersPerSource ? null : (byte)(2 + (index / ViewersPerSource));

    public int? ReceiveBufferOf(Viewer viewer) => _smallBuffers.Contains(viewer) ? 4096 : null;

    public void OnConnected(Viewer viewer)
    {
        Open++;
        _completed++;
        _inFlight--;
        ConnectTimes.RecordValue(Latency.Microseconds(viewer.ConnectedAt - viewer.ConnectStartedAt));
        Changed?.Invoke(viewer);
    }

    public void OnClosed(Viewer viewer, ViewerState before, string error)
    {
        if (before == ViewerState.Open)
        {
            Open--;
            Lost += viewer.IsLeaving ? 0 : 1;
        }
        else
        {
            Refused++;
            _completed++;
            _inFlight--;
        }

        FirstFailure ??= viewer.IsLeaving ? null : error;

        Changed?.Invoke(viewer);
    }

    public void Dispose()
    {
        foreach (var viewer in _viewers)
        {
            viewer.Abort();
        }

        Open = 0;
    }
}
