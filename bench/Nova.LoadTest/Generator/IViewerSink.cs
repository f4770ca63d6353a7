namespace Nova.LoadTest.Generator;

/// <summary>Who hears what a viewer receives. Called once per frame, so nothing here may allocate.</summary>
internal interface IViewerSink
{
    /// <summary>A numbered event, see <see cref="EventPayload"/>.</summary>
    void OnEvent(Viewer viewer, long sequence, long now);

    /// <summary>Everything else: counts, notices, answers.</summary>
    void OnMessage(Viewer viewer, ReadOnlySpan<byte> message, long now)
    {
    }
}
