using System.Text.Json.Serialization;
using Nova.Protocol;

namespace Nova.Telemetry.Quality;

/// <summary>One part of the time: what viewers had, and what they reported.</summary>
/// <param name="Audience">How many watched, on average.</param>
/// <param name="BitrateKbps">Measured last in it; null where none was.</param>
/// <param name="ReportingViewers">Different ones.</param>
/// <param name="Per1000Viewers">Reporting viewers; null where nobody watched.</param>
internal sealed record QoePoint(
    DateTimeOffset Start, double Audience, StreamQuality? Quality, int? BitrateKbps, StreamHealth? Health, int Reports, int ReportingViewers,
    [property: JsonPropertyName("per_1000_viewers")] double? Per1000Viewers, IReadOnlyDictionary<string, int> ByType);

/// <param name="Kind"><c>quality_changed</c>, <c>error</c> or <c>bitrate_health</c>.</param>
internal sealed record QoeChange(
    DateTimeOffset At, string Kind, string Description, Verdict Verdict, string Summary, double WindowSeconds, double AudienceBefore, double AudienceAfter,
    IReadOnlyList<Lift> Lifts);

/// <summary>Answer of <c>GET /api/v1/streams/{id}/qoe</c>.</summary>
/// <param name="Summary">What happened, in one sentence.</param>
internal sealed record QoeAnswer(
    Guid StreamId, DateTimeOffset Since, DateTimeOffset Until, int BucketSeconds, string Summary, IReadOnlyList<QoeChange> Changes, IReadOnlyList<QoePoint> Timeline);
