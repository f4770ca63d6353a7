using Nova.Protocol;

namespace Nova.StreamState.Streams;

/// <summary>Maximum bitrates and what a measurement against them means (S6).</summary>
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

    /// <summary>Above 90 % excellent, from 70 % good, from 50 % fair, below poor.</summary>
    public static StreamHealth Health(int currentKbps, int maximumKbps) => (currentKbps * 100L) switch
    {
        var percent when percent > maximumKbps * 90L => StreamHealth.Excellent,
        var percent when percent >= maximumKbps * 70L => StreamHealth.Good,
        var percent when percent >= maximumKbps * 50L => StreamHealth.Fair,
        _ => StreamHealth.Poor,
    };
}
