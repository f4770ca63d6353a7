namespace Nova.LoadTest.Generator;

/// <summary>Receives the messages of a viewer. The viewer calls it once per message, so an implementation must not allocate.</summary>
internal interface IViewerSink
{
    /// <summary>A numbered event, see <see cref="EventPayload"/>.</summary>
    void OnEvent(Viewer viewer, long sequence, long now);

    /// <summary>Any other message: a viewer count, a notice, a response.</summary>
    void OnMessage(Viewer viewer, ReadOnlySpan<byte> message, long now)
    {
    }
}
