using Nova.LoadTest.Generator;

namespace Nova.LoadTest.Workloads;

/// <summary>Viewers who stay and hear how many there are.</summary>
internal sealed class CountObservers(int observers) : IViewerSink
{
    private readonly long[] _lastCounts = new long[observers];
    private readonly Dictionary<long, long> _messagesBySecond = [];

    public long Messages { get; private set; }

    public double MessagesPerViewer => Messages / (double)observers;

    /// <summary>The most count messages a viewer got in one second, on average over the observers.</summary>
    public double MostPerViewerAndSecond => _messagesBySecond.Values.DefaultIfEmpty().Max() / (double)observers;

    public void Reset()
    {
        Messages = 0;
        _messagesBySecond.Clear();
    }

    public bool AllSay(int count) => Array.TrueForAll(_lastCounts, last => last == count);

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

/// <summary>For viewers who only make work.</summary>
internal sealed class NobodyListens : IViewerSink
{
    public void OnEvent(Viewer viewer, long sequence, long now)
    {
    }
}
