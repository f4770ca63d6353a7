using Nova.Protocol;

namespace Nova.StreamState.Streams;

/// <summary>Maximum bitrates by quality (S6).</summary>
public static class BitrateLadder
{
    /// <summary>The default maximum of a quality in kbps; null for <c>auto</c>, whose maximum is the highest rung seen.</summary>
    public static int? MaximumKbps(StreamQuality quality) => quality switch
    {
        StreamQuality.P720 => 4_000,
        StreamQuality.P1080 => 6_000,
        StreamQuality.P4K => 20_000,
        _ => null,
    };
}
