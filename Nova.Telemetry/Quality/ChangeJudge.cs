using System.Globalization;
using System.Text.Json.Serialization;
using Nova.Protocol;

namespace Nova.Telemetry.Quality;

/// <summary>What a change did to its viewers, as far as their reports tell.</summary>
[JsonConverter(typeof(WireNameConverter<Verdict>))]
internal enum Verdict
{
    /// <summary>Reports of one type rose, and the interval leaves no doubt.</summary>
    [JsonStringEnumMemberName("harmful")] Harmful,

    /// <summary>Reports of one type fell, and the interval leaves no doubt.</summary>
    [JsonStringEnumMemberName("helpful")] Helpful,

    /// <summary>Nothing that could not be chance.</summary>
    [JsonStringEnumMemberName("no_effect")] NoEffect,

    /// <summary>Too near to another change, or nobody watched.</summary>
    [JsonStringEnumMemberName("not_judged")] NotJudged,
}

/// <summary>Reports of one type before and after a change.</summary>
/// <param name="Ratio">The rate after against the rate before; null where nobody reported before.</param>
/// <param name="High">Null: without bound.</param>
/// <param name="AdjustedPValue">For all comparisons of this answer together (Benjamini–Hochberg).</param>
/// <param name="ViewersBefore">Different viewers who reported it in the window before.</param>
/// <param name="Per1000Before">Of 1,000 viewers so many reported it in the window before.</param>
internal sealed record Lift(
    IssueType IssueType, double? Ratio, double Low, double? High, double PValue, double AdjustedPValue, int ViewersBefore, int ViewersAfter,
    [property: JsonPropertyName("per_1000_before")] double Per1000Before, [property: JsonPropertyName("per_1000_after")] double Per1000After)
{
    public bool IsHarmful(double level) => AdjustedPValue <= level && Low > 1;

    public bool IsHelpful(double level) => AdjustedPValue <= level && High < 1;
}

/// <param name="WindowSeconds">How long before and how long after the change was compared.</param>
/// <param name="AudienceAfter">How many watched in the window after it, on average.</param>
/// <param name="Lifts">The most certain first.</param>
internal sealed record JudgedChange(StreamChange Change, double WindowSeconds, double AudienceBefore, double AudienceAfter, Verdict Verdict, IReadOnlyList<Lift> Lifts, string Summary);

/// <summary>
/// Compares viewers' reports after each change of a stream with those before it, pure. Both windows are as long as each other, up to two minutes, and
/// reach to no other change. Viewers are counted, not reports, per viewer-second, so that neither one who clicks nor an audience that shrinks counts.
/// </summary>
internal static class ChangeJudge
{
    /// <summary>What may be called a finding in an answer that is asked for.</summary>
    public const double Level = 0.05;

    public static readonly TimeSpan MaxWindow = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan MinWindow = TimeSpan.FromSeconds(5);

    public static IReadOnlyList<JudgedChange> Judge(StreamHistory history, IReadOnlyList<ReportMark> reports, double level = Level)
    {
        var ordered = reports.OrderBy(report => report.At).ToList(); // A broadcast has thousands, and each change asks for two windows of them.
        var windows = history.Changes.Select(change => WindowOf(history, change)).ToList();
        var compared = history.Changes.Zip(windows, (change, window) => Compare(history, ordered, change, window)).ToList();
        var adjusted = new Queue<double>(ExactRateTest.Adjust([.. compared.SelectMany(lifts => lifts).Select(lift => lift.PValue)]));
        return
        [
            .. history.Changes.Select((change, i) =>
                Of(history, change, windows[i], [.. compared[i].Select(lift => lift with { AdjustedPValue = adjusted.Dequeue() })], level)),
        ];
    }

    private static TimeSpan WindowOf(StreamHistory history, StreamChange change)
    {
        var others = history.Changes.Where(other => other != change).Select(other => other.At).Concat(history.Bounds).Append(history.Since).Append(history.Until);
        return others.Select(other => (other - change.At).Duration()).Append(MaxWindow).Min();
    }

    private static List<Lift> Compare(StreamHistory history, List<ReportMark> reports, StreamChange change, TimeSpan window)
    {
        if (window < MinWindow)
        {
            return [];
        }

        var exposureBefore = history.Audience.ViewerSeconds(change.At - window, change.At);
        var exposureAfter = history.Audience.ViewerSeconds(change.At, change.At + window);
        var viewersBefore = ViewersIn(reports, change.At - window, change.At);
        var viewersAfter = ViewersIn(reports, change.At, change.At + window);
        List<Lift> lifts = [];
        foreach (var type in Enum.GetValues<IssueType>())
        {
            var (before, after) = (viewersBefore.GetValueOrDefault(type), viewersAfter.GetValueOrDefault(type));
            if (ExactRateTest.Compare(new(before, exposureBefore), new(after, exposureAfter)) is { } ratio)
            {
                lifts.Add(new(
                    type, ratio.Ratio, ratio.Low, ratio.High, ratio.PValue, ratio.PValue, before, after,
                    1000 * before / exposureBefore * window.TotalSeconds, 1000 * after / exposureAfter * window.TotalSeconds));
            }
        }

        return lifts;
    }

    /// <summary>How many different viewers reported each type.</summary>
    /// <param name="reports">The oldest first.</param>
    private static Dictionary<IssueType, int> ViewersIn(List<ReportMark> reports, DateTimeOffset from, DateTimeOffset to)
    {
        var first = reports.BinarySearch(new(from, default, default), ReportMark.ByTime);
        first = first < 0 ? ~first : first;
        while (first > 0 && reports[first - 1].At == from)
        {
            first--;
        }

        return reports.Skip(first).TakeWhile(report => report.At < to).DistinctBy(report => (report.IssueType, report.ViewerId)).CountBy(report => report.IssueType).ToDictionary();
    }

    private static JudgedChange Of(StreamHistory history, StreamChange change, TimeSpan window, IReadOnlyList<Lift> lifts, double level)
    {
        var ordered = lifts.OrderBy(lift => lift.AdjustedPValue).ThenByDescending(lift => lift.Low).ToList();
        var before = window > TimeSpan.Zero ? history.Audience.ViewerSeconds(change.At - window, change.At) / window.TotalSeconds : 0;
        var after = window > TimeSpan.Zero ? history.Audience.ViewerSeconds(change.At, change.At + window) / window.TotalSeconds : 0;
        var verdict = window < MinWindow || before <= 0 || after <= 0 ? Verdict.NotJudged
            : ordered.Exists(lift => lift.IsHarmful(level)) ? Verdict.Harmful
            : ordered.Exists(lift => lift.IsHelpful(level)) ? Verdict.Helpful
            : Verdict.NoEffect;
        var told = verdict == Verdict.Harmful ? ordered.Find(lift => lift.IsHarmful(level)) : ordered.FirstOrDefault();
        return new(change, window.TotalSeconds, before, after, verdict, ordered, Sentence(change, window, after, verdict, told));
    }

    private static string Sentence(StreamChange change, TimeSpan window, double audience, Verdict verdict, Lift? lift)
    {
        var when = $"After {change.Description} at {change.At.UtcDateTime:HH:mm:ss}";
        return (verdict, lift) switch
        {
            (Verdict.NotJudged, _) when window < MinWindow => Text($"{when}: another change came within {MinWindow.TotalSeconds} s, so this one is not judged."),
            (Verdict.NotJudged, _) => $"{when}: nobody watched before or after it, so it is not judged.",
            (Verdict.NoEffect, _) => Text($"{when}, no type of report changed by more than chance explains."),
            (Verdict.Harmful, { Ratio: null }) => Text($"{when}, {Name(lift)} reports rose from none (at least {lift.Low:0.0}-fold), {Who(lift, audience)}."),
            (Verdict.Harmful, _) => Text($"{when}, {Name(lift!)} reports rose {lift!.Ratio:0.0}-fold ({lift.Low:0.0}–{lift.High:0.0}), {Who(lift, audience)}."),
            _ => Text($"{when}, {Name(lift!)} reports fell to {lift!.Ratio:0.00} times what they were ({lift.Low:0.00}–{lift.High:0.00}), {Who(lift, audience)}."),
        };
    }

    private static string Who(Lift lift, double audience) => Text($"{lift.ViewersAfter} of {Math.Max(audience, lift.ViewersAfter):0} viewers");

    private static string Name(Lift lift) => WireNames<IssueType>.Of(lift.IssueType).Replace('_', ' ');

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
