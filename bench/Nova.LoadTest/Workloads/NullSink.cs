using Nova.LoadTest.Generator;

namespace Nova.LoadTest.Workloads;

/// <summary>Discards the messages of viewers that only create load.</summary>
internal sealed class NullSink : IViewerSink
{
    public void OnEvent(Viewer viewer, long sequence, long now)
    {
    }
}
