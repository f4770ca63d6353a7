using HdrHistogram;

namespace Nova.LoadTest.Generator;

/// <summary>
/// What a group of viewers received. Delivery is counted by the events' numbers, not by time: at a window's edges time finds 100.4 %, or calls
/// late what is lost.
/// </summary>
internal sealed class Deliveries(Publications publications) : IViewerSink
{
    /// <summary>Events that arrived since the beginning, measured or not.</summary>
    public long Arrived { get; private set; }

    /// <summary>Measured events that arrived, each viewer's once.</summary>
    public long Delivered { get; private set; }

    public long Duplicates { get; private set; }

    public long Disordered { get; private set; }

    /// <summary>Messages that were no events: counts, notices.</summary>
    public long Others { get; private set; }

    /// <summary>From intended publication to the viewer's read, in microseconds.</summary>
    public LongHistogram Latencies { get; private set; } = Latency.NewHistogram();

    public void Reset()
    {
        Delivered = Duplicates = Disordered = 0;
        Latencies = Latency.NewHistogram();
    }

    public void OnEvent(Viewer viewer, long sequence, long now)
    {
        Arrived++;
        if (sequence <= viewer.LastSequence)
        {
            if (sequence == viewer.LastSequence)
            {
                Duplicates++;
            }
            else
            {
                Disordered++;
            }

            return;
        }

        viewer.LastSequence = sequence;
        if (publications.IsMeasured(sequence))
        {
            Delivered++;
            Latencies.RecordValue(Latency.Microseconds(now - publications.IntendedAt(sequence)));
        }
    }

    public void OnMessage(Viewer viewer, ReadOnlySpan<byte> message, long now) => Others++;
}
