using System.Globalization;

namespace Nova.LoadTest.Planning;

/// <summary>So many streams with so many viewers each.</summary>
internal readonly record struct StreamGroup(double Streams, double Viewers);

/// <summary>
/// How viewers are distributed over streams: <c>even</c>; <c>zipf:S</c>, the n-th largest stream has n^-S times the viewers of the largest;
/// <c>huge:N:P</c>, N streams share P percent of the viewers and all others the rest.
/// </summary>
internal static class StreamMix
{
    /// <summary>Zipf's tail is nearly even, so that ranks beyond this are summed in steps of 1 %: a million streams are 1,600 groups.</summary>
    private const int ExactRanks = 1000;

    /// <exception cref="LoadTestException">The text is none of the three.</exception>
    public static IReadOnlyList<StreamGroup> Of(string text, double streams, double viewers)
    {
        var parts = text.Split(':');
        var numbers = parts.Skip(1).Select(static part => double.TryParse(part, CultureInfo.InvariantCulture, out var number) ? number : double.NaN).ToArray();
        return (parts[0], numbers) switch
        {
            ("even", []) => [new StreamGroup(streams, viewers / streams)],
            ("zipf", [>= 0 and var exponent]) => Zipf(exponent, streams, viewers),
            ("huge", [> 0 and var count, >= 0 and <= 100 and var percent]) when count < streams =>
                [new StreamGroup(count, viewers * percent / 100 / count), new StreamGroup(streams - count, viewers * (100 - percent) / 100 / (streams - count))],
            _ => throw new LoadTestException($"--mix {text} is none of even, zipf:1, huge:10:50 (10 streams with 50 % of the viewers)."),
        };
    }

    private static List<StreamGroup> Zipf(double exponent, double streams, double viewers)
    {
        List<(double Count, double Weight)> ranks = [];
        for (var rank = 1.0; rank <= streams;)
        {
            var count = Math.Min(rank < ExactRanks ? 1 : Math.Floor(rank * 0.01), streams - rank + 1);
            ranks.Add((count, Math.Pow(rank + ((count - 1) / 2), -exponent)));
            rank += count;
        }

        var total = ranks.Sum(static rank => rank.Count * rank.Weight);
        return [.. ranks.Select(rank => new StreamGroup(rank.Count, viewers * rank.Weight / total))];
    }
}
