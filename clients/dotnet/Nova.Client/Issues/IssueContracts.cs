using System.Text.Json;
using Nova.Protocol;

namespace Nova.Client;

/// <summary>A stored report of a viewer.</summary>
public sealed record Issue(
    Guid IssueId, Guid StreamId, Guid ViewerId, string SessionId, string? ReportId, IssueType IssueType, IssueSeverity Severity, string Description, JsonElement? ClientInfo,
    DateTimeOffset ReportedAt);

/// <summary>Which reports; null is all.</summary>
public sealed record IssueFilter(Guid? StreamId = null, DateTimeOffset? Since = null, DateTimeOffset? Until = null, IssueType? IssueType = null, IssueSeverity? Severity = null);

/// <summary>What viewers had over time, what they reported, and which change hurt them.</summary>
public sealed record Qoe(
    Guid StreamId, DateTimeOffset Since, DateTimeOffset Until, int BucketSeconds, string Summary, IReadOnlyList<QoeChange> Changes, IReadOnlyList<QoePoint> Timeline);

/// <param name="Kind"><c>quality_changed</c>, <c>error</c> or <c>bitrate_health</c>.</param>
/// <param name="Verdict"><c>harmful</c>, <c>helpful</c>, <c>no_effect</c> or <c>not_judged</c>.</param>
/// <param name="Summary">A sentence.</param>
public sealed record QoeChange(DateTimeOffset At, string Kind, string Description, string Verdict, string Summary);

public sealed record QoePoint(DateTimeOffset Start, double Audience, StreamQuality? Quality, int? BitrateKbps, StreamHealth? Health, int Reports, int ReportingViewers);

internal sealed record IssuePage(IReadOnlyList<Issue> Issues, string? NextCursor);
