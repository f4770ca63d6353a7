using MathNet.Numerics.Distributions;

namespace Nova.Telemetry.Quality;

/// <summary>Events in a time, and the exposure in which they could happen.</summary>
internal readonly record struct Rate(int Count, double Exposure)
{
    public double PerExposure => Exposure > 0 ? Count / Exposure : 0;
}

/// <summary>How many times a rate has become of what it was.</summary>
/// <param name="Ratio">Null where nothing was counted before.</param>
/// <param name="Low">Lower bound of the 95 % confidence interval.</param>
/// <param name="High">Upper bound; null where it has none.</param>
/// <param name="PValue">Two-sided.</param>
internal sealed record RateRatio(double? Ratio, double Low, double? High, double PValue);

/// <summary>
/// The exact test of two Poisson rates: given how many events there were together, those after the change are binomial with the share of the exposure
/// that came after it. It is exact for few events too, where approximations call noise a finding.
/// </summary>
internal static class ExactRateTest
{
    private const double Tail = 0.025; // On each side of a 95 % interval.

    /// <returns>Null where there is nothing to compare: no event, or no exposure on one side.</returns>
    public static RateRatio? Compare(Rate before, Rate after)
    {
        var total = before.Count + after.Count;
        if (total == 0 || before.Exposure <= 0 || after.Exposure <= 0)
        {
            return null;
        }

        var share = after.Exposure / (before.Exposure + after.Exposure);
        var atMost = Binomial.CDF(share, total, after.Count);
        var atLeast = after.Count == 0 ? 1 : 1 - Binomial.CDF(share, total, after.Count - 1);
        var low = after.Count == 0 ? 0 : Beta.InvCDF(after.Count, before.Count + 1, Tail);
        var high = before.Count == 0 ? 1 : Beta.InvCDF(after.Count + 1, before.Count, 1 - Tail);
        return new(
            before.Count == 0 ? null : after.PerExposure / before.PerExposure,
            RatioOf(low),
            high < 1 ? RatioOf(high) : null,
            Math.Clamp(2 * Math.Min(atMost, atLeast), 0, 1));

        double RatioOf(double part) => part / (1 - part) * before.Exposure / after.Exposure;
    }

    /// <summary>
    /// Benjamini–Hochberg: p-values of several tests, so that of those that are called findings no more than that share is noise. In the order given.
    /// </summary>
    public static double[] Adjust(IReadOnlyList<double> pValues)
    {
        var adjusted = new double[pValues.Count];
        var smallest = 1.0;
        var rank = pValues.Count;
        foreach (var (p, index) in pValues.Select((p, index) => (p, index)).OrderByDescending(test => test.p))
        {
            smallest = Math.Min(smallest, p * pValues.Count / rank);
            adjusted[index] = smallest;
            rank--;
        }

        return adjusted;
    }
}
