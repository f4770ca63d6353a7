using Nova.LoadTest.Generator;

namespace Nova.LoadTest.Workloads;

/// <summary>A viewer who stops reading for a while. Its receive buffer of 4 KB fills quickly, so that the server soon notices.</summary>
internal sealed class SlowReader(Publications publications) : IViewerSink
{
    private long _receivedBeforeResume = long.MaxValue;

    public long Events { get; private set; }

    /// <summary>The number of dropped events according to the notices.</summary>
    public long DroppedByNotice { get; private set; }

    public long Notices { get; private set; }

    /// <summary>
    /// Age in nanoseconds, at its arrival, of the first event that the server sent after the viewer resumed; null until it arrives. Events that
    /// this machine's kernel had received before are older because of the viewer's stall, so they do not count.
    /// </summary>
    public long? FirstEventAge { get; private set; }

    public void Resume(Viewer viewer)
    {
        _receivedBeforeResume = viewer.ReceivedBytes;
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
        if (FirstEventAge is null && viewer.HandledBytes > _receivedBeforeResume)
        {
            FirstEventAge = now - publications.IntendedAt(sequence);
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
