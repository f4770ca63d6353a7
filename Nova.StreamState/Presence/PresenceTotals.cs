using Nova.Protocol;

namespace Nova.StreamState.Presence;

/// <summary>How many watch a stream now, and the most at once in this broadcast, summed over all gateways.</summary>
public readonly record struct PresenceTotals(int ViewerCount, int PeakViewers)
{
    /// <summary>The bitrate that was published last.</summary>
    public int? BitrateKbps { get; init; }

    /// <summary>What that was of the stream's maximum.</summary>
    public StreamHealth? Health { get; init; }
}
