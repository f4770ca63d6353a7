using System.Text.Json;
using System.Text.Json.Serialization;
using Nova.Protocol;
using Nova.Telemetry.Issues;
using Nova.Telemetry.Quality;
using Nova.Telemetry.Summaries;

namespace Nova.Telemetry;

/// <summary>Source-generated JSON of this service's answers.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, Converters = [typeof(TimestampConverter)])]
[JsonSerializable(typeof(IssuePage))]
[JsonSerializable(typeof(ExportedIssue))]
[JsonSerializable(typeof(IssueSummary))]
[JsonSerializable(typeof(QoeAnswer))]
[JsonSerializable(typeof(QualityAlertPage))]
internal sealed partial class TelemetryJson : JsonSerializerContext;
