using Nova.LoadTest.Generator;

namespace Nova.LoadTest.Workloads;

/// <summary>Viewers who stay connected and record the viewer counts they receive.</summary>
internal sealed class CountObservers(int observers) : IViewerSink
{
    private readonly long[] _lastCounts = new long[observers];
    private readonly Dictionary<long, long> _messagesBySecond = [];

    public long Messages { get; private set; }

    public double MessagesPerViewer => Messages / (double)observers;

    /// <summary>Count messages per observer in the busiest second.</summary>
    public double MaxPerViewerAndSecond => _messagesBySecond.Values.DefaultIfEmpty().Max() / (double)observers;

    public void Reset()
    {
        Messages = 0;
        _messagesBySecond.Clear();
    }

    public bool AllReport(int count) => Array.TrueForAll(_lastCounts, last => last == count);

    public void OnEvent(Viewer viewer, long sequence, long now)
    {
    }

    public void OnMessage(Viewer viewer, ReadOnlySpan<byte> message, long now)
    {
        if (MessageNumber.TryRead(message, "\"viewer_count\":"u8, out var count))
        {
            Messages++;
            _lastCounts[viewer.Index] = count;
            System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_messagesBySecond, now / EventLoop.Second, out _)++;
        }
    }
}
