using System.Buffers.Text;
using System.Text;
using Nova.LoadTest.Generator;

namespace Nova.LoadTest.Workloads;

/// <summary>
/// Viewers who ask, one after the other at a steady rate of all together, each question with an id that its answer repeats. An open loop: nobody
/// waits for an answer before the next asks.
/// </summary>
internal sealed class UpstreamLoad : ITicker, IViewerSink
{
    private const int Digits = 10;

    private readonly string _placeholder = new('0', Digits);
    private readonly IReadOnlyList<Viewer> _viewers;
    private readonly Publications _questions;
    private readonly byte[] _frame;
    private readonly int _digitsAt;
    private readonly byte[] _marker;
    private readonly double _interval;
    private long _startedAt;
    private long _sent;

    /// <param name="viewers">Who asks; this becomes their sink.</param>
    /// <param name="questions">When they were to be asked.</param>
    /// <param name="message">With <c>{id}</c> where the id goes.</param>
    /// <param name="marker">What stands before the id in an answer.</param>
    /// <param name="perSecond">Of all viewers together.</param>
    public UpstreamLoad(IReadOnlyList<Viewer> viewers, Publications questions, string message, string marker, double perSecond)
    {
        _viewers = viewers;
        _questions = questions;
        _frame = ClientFrame.OfText(message.Replace("{id}", _placeholder, StringComparison.Ordinal));
        _digitsAt = _frame.AsSpan().IndexOf(Encoding.ASCII.GetBytes(_placeholder));
        _marker = Encoding.ASCII.GetBytes(marker);
        _interval = EventLoop.Second / perSecond;
        foreach (var viewer in viewers)
        {
            viewer.Sink = this;
        }
    }

    public long DueAt { get; private set; } = long.MaxValue;

    /// <summary>Answers to measured questions.</summary>
    public long Answered { get; private set; }

    /// <summary>All answers.</summary>
    public long Arrived { get; private set; }

    /// <summary>Messages that say that a question was not taken, a rate limit's for one.</summary>
    public long Errors { get; private set; }

    public HdrHistogram.LongHistogram Latencies { get; } = Latency.NewHistogram();

    public void Start() => _startedAt = DueAt = EventLoop.Now;

    public void Stop() => DueAt = long.MaxValue;

    public void Fire(long now)
    {
        while (DueAt <= now)
        {
            var id = _questions.Add(DueAt);
            var digits = _frame.AsSpan(_digitsAt, Digits);
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
            if (_questions.IsMeasured(id))
            {
                Answered++;
                Latencies.RecordValue(Latency.Microseconds(now - _questions.IntendedAt(id)));
            }
        }
        else if (message.StartsWith("{\"event\":\"error\""u8))
        {
            Errors++;
        }
    }
}
