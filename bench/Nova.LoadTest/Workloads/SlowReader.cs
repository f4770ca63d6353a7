using Nova.LoadTest.Generator;

namespace Nova.LoadTest.Workloads;

/// <summary>A viewer who stops reading for a while, with a receive buffer of 4 KB so that the server notices soon.</summary>
internal sealed class SlowReader(Publications publications) : IViewerSink
{
    private long _receivedBeforeResume = long.MaxValue;

    public long Events { get; private set; }

    /// <summary>What notices say was dropped.</summary>
    public long DroppedByNotice { get; private set; }

    public long Notices { get; private set; }

    /// <summary>
    /// Nanoseconds since its publication, of the first event after the stall that this machine's kernel had not received for the viewer before it
    /// read again; null until it comes. What was received before is the viewer's own delay; this one is the server's choice.
    /// </summary>
    public long? FirstAge { get; private set; }

    public void Resume(Viewer viewer)
    {
        _receivedBeforeResume = viewer.ReceivedUpTo;
        viewer.ResumeReading();
    }

    public void OnEvent(Viewer viewer, long sequence, long now)
    {
        if (sequence <= viewer.LastSequence)
        {
            return;
        }

        viewer.LastSequence = sequence;
        Events++;
        if (FirstAge is null && viewer.Position > _receivedBeforeResume)
        {
            FirstAge = now - publications.IntendedAt(sequence);
        }
    }

    public void OnMessage(Viewer viewer, ReadOnlySpan<byte> message, long now)
    {
        if (MessageNumber.TryRead(message, "\"dropped_count\":"u8, out var dropped))
        {
            Notices++;
            DroppedByNotice += dropped;
        }
    }
}
