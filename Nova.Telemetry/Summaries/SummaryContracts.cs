using System.Text.Json.Serialization;

namespace Nova.Telemetry.Summaries;

/// <summary>Reports, and how many different viewers made them.</summary>
/// <param name="Per1000Viewers">Of 1,000 who watched on average, so many reported; null where the audience is not known.</param>
internal sealed record ReportCount(int Reports, int Viewers, [property: JsonPropertyName("per_1000_viewers")] double? Per1000Viewers = null);

/// <summary>One part of the time. Types and severities without reports are left out.</summary>
/// <param name="Audience">How many watched on average; null over several streams.</param>
internal sealed record SummaryBucket(
    DateTimeOffset Start, double? Audience, ReportCount Total, IReadOnlyDictionary<string, ReportCount> ByType, IReadOnlyDictionary<string, ReportCount> BySeverity);

/// <summary>One value of a label, such as a browser.</summary>
/// <param name="Value">Null for reports without it.</param>
/// <param name="ShareOfViewers">Of the viewers who reported, from 0 to 1.</param>
internal sealed record TopValue(string? Value, int Reports, int Viewers, double ShareOfViewers);

/// <summary>The most frequent values of each label, by viewers. How many watched with them without reporting is not known: viewers say it in a report only.</summary>
internal sealed record TopValues(
    IReadOnlyList<TopValue> Players, IReadOnlyList<TopValue> Browsers, IReadOnlyList<TopValue> OperatingSystems, IReadOnlyList<TopValue> Networks,
    IReadOnlyList<TopValue> Bandwidths);

/// <summary>Answer of both summaries.</summary>
/// <param name="StreamId">Null over all streams.</param>
internal sealed record IssueSummary(
    Guid? StreamId, DateTimeOffset Since, DateTimeOffset Until, int BucketSeconds, double? Audience, ReportCount Total,
    IReadOnlyDictionary<string, ReportCount> ByType, IReadOnlyDictionary<string, ReportCount> BySeverity, IReadOnlyList<SummaryBucket> Buckets, TopValues Top);
