namespace Nova.Telemetry.Timeline;

/// <summary>How many watched a stream when, pure: from each time on, so many.</summary>
/// <param name="counts">The oldest first.</param>
internal sealed class Audience(List<(DateTimeOffset At, int Viewers)> counts)
{
    /// <summary>How long viewers watched in a time, all together, in seconds.</summary>
    public double ViewerSeconds(DateTimeOffset from, DateTimeOffset to)
    {
        var sum = 0.0;
        var first = counts.BinarySearch((from, int.MaxValue));
        for (var i = Math.Max(0, (first < 0 ? ~first : first) - 1); i < counts.Count && counts[i].At < to; i++)
        {
            var start = counts[i].At > from ? counts[i].At : from;
            var end = i + 1 < counts.Count && counts[i + 1].At < to ? counts[i + 1].At : to;
            sum += end > start ? (end - start).TotalSeconds * counts[i].Viewers : 0;
        }

        return sum;
    }
}
