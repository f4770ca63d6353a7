using Nova.Protocol;

namespace Nova.Telemetry.Quality;

/// <summary>A change that hurts its viewers, noticed while it does.</summary>
/// <param name="Summary">In words.</param>
/// <param name="Lift">How many times as many viewers report it; null where nobody did before.</param>
/// <param name="LiftHigh">Null: without bound.</param>
/// <param name="WindowSeconds">How long before and after the change it was judged by.</param>
/// <param name="RateBefore">Of 1,000 viewers, so many reported it in the window before.</param>
/// <param name="ClearedAt">Null while it lasts.</param>
internal sealed record QualityAlert(
    Guid AlertId, Guid StreamId, DateTimeOffset ChangeAt, string ChangeKind, IssueType IssueType, string Summary, double? Lift, double LiftLow, double? LiftHigh,
    double PValue, int Viewers, int Audience, double WindowSeconds, double RateBefore, double RateAfter, DateTimeOffset RaisedAt, DateTimeOffset? ClearedAt);

/// <summary>A page of alerts, newest first.</summary>
internal sealed record QualityAlertPage(IReadOnlyList<QualityAlert> Alerts, string? NextCursor);
