using System.Text.Json;
using Nova.Protocol;

namespace Nova.Telemetry.Issues;

/// <summary>A stored report as operators see it.</summary>
/// <param name="ReportedAt">When the gateway received it.</param>
internal sealed record IssueResource(
    Guid IssueId, Guid StreamId, Guid ViewerId, string SessionId, string? ReportId, IssueType IssueType, IssueSeverity Severity,
    string Description, JsonElement? ClientInfo, DateTimeOffset ReportedAt);

/// <summary>A page of reports, newest first.</summary>
/// <param name="NextCursor">For the next page; null on the last.</param>
internal sealed record IssuePage(IReadOnlyList<IssueResource> Issues, string? NextCursor);

/// <summary>A line of an export.</summary>
/// <param name="Cursor">An export with this cursor goes on after this line.</param>
internal sealed record ExportedIssue(IssueResource Issue, string Cursor);
