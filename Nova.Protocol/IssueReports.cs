using System.Text.Json;

namespace Nova.Protocol;

/// <summary>A viewer's report as a gateway hands it to Telemetry.</summary>
/// <param name="IssueId">UUIDv7, made by the gateway, so that a batch sent twice is stored once.</param>
/// <param name="ReportId">The viewer's own name for the report, if any; unique per viewer and stream (S64).</param>
/// <param name="ReportedAt">The gateway's time.</param>
public sealed record IssueReport(
    Guid IssueId,
    Guid StreamId,
    Guid ViewerId,
    string SessionId,
    string? ReportId,
    IssueType IssueType,
    IssueSeverity Severity,
    string Description,
    JsonElement? ClientInfo,
    DateTimeOffset ReportedAt);

/// <summary>Body of <c>POST /internal/issues</c>.</summary>
public sealed record IssueBatch(IReadOnlyList<IssueReport> Issues);

/// <summary>Its answer, after commit: for each report, in order, the id it is stored under.</summary>
public sealed record IssueBatchReceipt(IReadOnlyList<Guid> IssueIds);
