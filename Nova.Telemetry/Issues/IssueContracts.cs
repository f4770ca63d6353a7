using System.Text.Json;
using System.Text.Json.Serialization;
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

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, Converters = [typeof(TimestampConverter)])]
[JsonSerializable(typeof(IssuePage))]
internal sealed partial class TelemetryJson : JsonSerializerContext;
