using System.Buffers.Text;
using System.Text;
using Nova.LoadTest.Generator;

namespace Nova.LoadTest.Workloads;

/// <summary>
/// Viewers who send requests round robin at a steady total rate. Each request has an id, which its response repeats. The loop is open: the next
/// request does not wait for a response.
/// </summary>
internal sealed class UpstreamLoad : ITicker, IViewerSink
{
    private const int Digits = 10;

    private readonly string _placeholder = new('0', Digits);
    private readonly IReadOnlyList<Viewer> _viewers;
    private readonly Publications _requests;
    private readonly byte[] _frame;
    private readonly int _digitsOffset;
    private readonly byte[] _marker;
    private readonly double _interval;
    private long _startedAt;
    private long _sent;

    /// <param name="viewers">The viewers who send; this object becomes their sink.</param>
    /// <param name="requests">Records the intended times of the requests.</param>
    /// <param name="message">The request, with <c>{id}</c> as placeholder for the id.</param>
    /// <param name="marker">The text in front of the id in a response.</param>
    /// <param name="perSecond">Total rate of all viewers.</param>
    public UpstreamLoad(IReadOnlyList<Viewer> viewers, Publications requests, string message, string marker, double perSecond)
    {
        _viewers = viewers;
        _requests = requests;
        _frame = ClientFrame.OfText(message.Replace("{id}", _placeholder, StringComparison.Ordinal));
        _digitsOffset = _frame.AsSpan().IndexOf(Encoding.ASCII.GetBytes(_placeholder));
        _marker = Encoding.ASCII.GetBytes(marker);
        _interval = EventLoop.Second / perSecond;
        foreach (var viewer in viewers)
        {
            viewer.Sink = this;
        }
    }

    public long DueAt { get; private set; } = long.MaxValue;

    /// <summary>Responses to measured requests.</summary>
    public long Answered { get; private set; }

    /// <summary>All responses.</summary>
    public long Arrived { get; private set; }

    /// <summary>Error events, for example from a rate limit.</summary>
    public long Errors { get; private set; }

    public HdrHistogram.LongHistogram Latencies { get; } = Latency.NewHistogram();

    public void Start() => _startedAt = DueAt = EventLoop.Now;

    public void Stop() => DueAt = long.MaxValue;

    public void Fire(long now)
    {
        while (DueAt <= now)
        {
            var id = _requests.Add(DueAt);
            var digits = _frame.AsSpan(_digitsOffset, Digits);
            Utf8Formatter.TryFormat(id, digits, out _, new System.Buffers.StandardFormat('D', Digits));
            _viewers[(int)(id % _viewers.Count)].Send(_frame);
            DueAt = _startedAt + (long)(++_sent * _interval);
        }
    }

    public void OnEvent(Viewer viewer, long sequence, long now)
    {
    }

    public void OnMessage(Viewer viewer, ReadOnlySpan<byte> message, long now)
    {
        if (MessageNumber.TryRead(message, _marker, out var id))
        {
            Arrived++;
            if (_requests.IsMeasured(id))
            {
                Answered++;
                Latencies.RecordValue(Latency.Microseconds(now - _requests.IntendedAt(id)));
            }
        }
        else if (message.StartsWith("{\"event\":\"error\""u8))
        {
            Errors++;
        }
    }
}
