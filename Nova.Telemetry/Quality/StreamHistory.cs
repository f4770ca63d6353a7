using Nova.Protocol;
using Nova.Telemetry.Timeline;

namespace Nova.Telemetry.Quality;

/// <summary>Something that may have made viewers suffer.</summary>
/// <param name="Kind"><c>quality_changed</c>, <c>error</c> or <c>bitrate_health</c>.</param>
/// <param name="Description">In words: <c>1080p → 720p</c>.</param>
internal sealed record StreamChange(DateTimeOffset At, string Kind, string Description);

/// <summary>A report as the judgement needs it.</summary>
internal readonly record struct ReportMark(DateTimeOffset At, Guid ViewerId, IssueType IssueType)
{
    public static readonly IComparer<ReportMark> ByTime = Comparer<ReportMark>.Create((one, other) => one.At.CompareTo(other.At));
}

/// <summary>What happened to a stream in a time, pure: its changes, and how many watched when.</summary>
internal sealed class StreamHistory
{
    public const string BitrateHealth = "bitrate_health";

    /// <summary>A health that changes so near to another change is part of it: a lower quality has another maximum, and samples are taken every 5 s.</summary>
    private static readonly TimeSpan Nearness = TimeSpan.FromSeconds(15);

    /// <param name="entries">In the order in which they happened.</param>
    public StreamHistory(IReadOnlyList<TimelineEntry> entries, DateTimeOffset since, DateTimeOffset until)
    {
        (Since, Until) = (since, until);
        List<(DateTimeOffset, int)> counts = [];
        List<StreamChange> changes = [];
        StreamHealth? health = null;
        foreach (var entry in entries)
        {
            if (entry.ViewerCount is { } viewers)
            {
                counts.Add((entry.HappenedAt, viewers));
            }

            if (entry.Kind is EventNames.StreamStarted or EventNames.StreamEnded)
            {
                Bounds.Add(entry.HappenedAt);
            }

            if (entry.Kind == EventNames.StreamEnded)
            {
                counts.Add((entry.HappenedAt, 0));
            }

            if (ChangeOf(entry, health) is { } change && change.At >= since
                && !(change.Kind == BitrateHealth && changes is [.., { Kind: BitrateHealth } last] && change.At - last.At < Nearness))
            {
                changes.Add(change);
            }

            health = entry.Health ?? health;
        }

        Audience = new(counts);
        Changes =
        [
            .. changes.Where(change => change.Kind != BitrateHealth
                || !changes.Exists(other => other.Kind != BitrateHealth && (other.At - change.At).Duration() < Nearness)),
        ];
    }

    public DateTimeOffset Since { get; }

    public DateTimeOffset Until { get; }

    public IReadOnlyList<StreamChange> Changes { get; }

    public Audience Audience { get; }

    /// <summary>Beyond the start and the end of the broadcast nothing is compared.</summary>
    public List<DateTimeOffset> Bounds { get; } = [];

    private static StreamChange? ChangeOf(TimelineEntry entry, StreamHealth? health)
    {
        string Text(string member) => entry.Data?.TryGetProperty(member, out var value) == true ? value.ToString() : "";
        return entry.Kind switch
        {
            EventNames.QualityChanged => new(entry.HappenedAt, entry.Kind, $"{Text("previous_quality")} → {Text("new_quality")}"),
            EventNames.Error => new(entry.HappenedAt, entry.Kind, $"error {Text("error_code")}"),
            TimelineKinds.Sample when entry.Health is { } now && health is { } before && now != before =>
                new(entry.HappenedAt, BitrateHealth, $"bitrate health {WireNames<StreamHealth>.Of(before)} → {WireNames<StreamHealth>.Of(now)}"),
            _ => null,
        };
    }
}
