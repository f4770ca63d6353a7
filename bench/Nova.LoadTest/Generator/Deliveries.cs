using HdrHistogram;

namespace Nova.LoadTest.Generator;

/// <summary>
/// Counts what a group of viewers received. It counts deliveries by the events' numbers, not by time: counting by time gave 100.4 % at a
/// window's edges, and cannot tell a late event from a lost one.
/// </summary>
internal sealed class Deliveries(Publications publications) : IViewerSink
{
    /// <summary>Events received since the start, measured or not.</summary>
    public long Arrived { get; private set; }

    /// <summary>Measured events received, counted once per viewer.</summary>
    public long Delivered { get; private set; }

    public long Duplicates { get; private set; }

    public long Disordered { get; private set; }

    /// <summary>Messages that are not numbered events: viewer counts, notices.</summary>
    public long OtherMessages { get; private set; }

    /// <summary>Time from the intended publication to the viewer's read, in microseconds.</summary>
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

    public void OnMessage(Viewer viewer, ReadOnlySpan<byte> message, long now) => OtherMessages++;
}
