using System.Text.Json.Nodes;
using Nova.Gateway.ViewerList;
using Nova.Protocol;
using Nova.ServiceDefaults.Security;
using Nova.StreamState.Streams;
using Nova.Telemetry.Issues;
using Nova.Telemetry.Quality;
using Nova.Telemetry.Timeline;

namespace Nova.Tests.Contracts.OpenApi;

/// <summary>Parameters and headers: their schemas, with the limits that the services check, and what they mean.</summary>
internal static class OpenApiParameters
{
    public static JsonObject Path(string name) => Parameter(
        name, "path", Text(format: "uuid"), name == "stream_id" ? "The stream, a UUID." : "The viewer, as `connection_established` and the list of viewers name it.", isRequired: true);

    public static JsonObject Query(string operation, string name) => (operation, name) switch
    {
        (_, "limit") => Parameter(name, "query", Limit(operation), "Rows of a page."),
        ("ExportIssues", "cursor") => Parameter(name, "query", Text(), "The `cursor` of the last line that was read: the export goes on after it."),
        (_, "cursor") => Parameter(name, "query", Text(), "The `next_cursor` of the page before."),
        (_, "status") => Parameter(name, "query", Choice(WireNames<StreamStatus>.Choices), "Where the streams stand."),
        (_, "broadcaster_id") => Parameter(name, "query", Text(maxLength: Caller.MaxSubjectLength), "Whose streams."),
        (_, "stream_id") => Parameter(name, "query", Text(format: "uuid"), "The stream. A broadcaster names one of its own; an operator may leave it out."),
        (_, "since") => Parameter(name, "query", Text(format: "date-time"), "From this time on, ISO 8601."),
        (_, "until") => Parameter(name, "query", Text(format: "date-time"), "Before this time, ISO 8601."),
        (_, "issue_type") => Parameter(name, "query", Choice(WireNames<IssueType>.Choices), "What viewers suffered."),
        (_, "severity") => Parameter(name, "query", Choice(WireNames<IssueSeverity>.Choices), "How bad viewers found it."),
        (_, "bucket") => Parameter(name, "query", Choice(string.Join(", ", TimeRange.BucketNames)), "Length of a part of the time; by default one that makes at most 200 parts."),
        (_, "state") => Parameter(name, "query", Choice("open, cleared"), "Alerts that last, or those that are over."),
        (_, "format") => Parameter(name, "query", Choice("csv, jsonl"), "How it is written; csv by default."),
        (_, "token") => Parameter(name, "query", Text(), "The token, where it is not in the Authorization header."),
        (_, "protocol") => Parameter(name, "query", Text(), "The protocol's version; any 1.x is served as 1.0, which is the default."),
        _ => throw new InvalidOperationException($"{operation}: the query parameter {name} is not described; add it to {nameof(OpenApiParameters)}."),
    };

    public static readonly JsonObject IfMatch = Parameter(
        "If-Match", "header", Text(), "The call is made only where the stream is at one of these versions: ETags of earlier answers, or *. Else it is 412.");

    public static readonly JsonObject IdempotencyKey = Parameter(
        "Idempotency-Key", "header", Text(maxLength: Nova.StreamState.Streams.IdempotencyKey.MaxLength),
        "Yours, new for each thing to do: a call that is sent again with the same key gets the answer of the first one and does nothing. Remembered for `StreamState:IdempotencyRetention` (24 h).");

    public static readonly JsonObject LastEventId = Parameter("Last-Event-ID", "header", Text(), "The id of the last event that was read: the feed goes on after it, over any gateway.");

    public static readonly JsonObject ETag = Header(Text(), "The stream's version.");

    public static readonly JsonObject Location = Header(Text(), "The new stream's address.");

    public static readonly JsonObject RetryAfter = Header(new JsonObject { ["type"] = "integer", ["minimum"] = 1 }, "Seconds to wait before the next try.");

    private static JsonObject Limit(string operation)
    {
        var (usual, most) = operation switch
        {
            "ListStreams" => (StreamsApi.DefaultPageSize, StreamsApi.MaxPageSize),
            "ListViewers" => (ViewerListApi.DefaultPageSize, ViewerListApi.MaxPageSize),
            "ListIssues" => (IssuesApi.DefaultPageSize, IssuesApi.MaxPageSize),
            "ListQualityAlerts" => (AlertsApi.DefaultPageSize, AlertsApi.MaxPageSize),
            _ => throw new InvalidOperationException($"{operation}: the size of its pages is not known to {nameof(OpenApiParameters)}."),
        };
        return new JsonObject { ["type"] = "integer", ["minimum"] = 1, ["maximum"] = most, ["default"] = usual };
    }

    private static JsonObject Parameter(string name, string place, JsonObject schema, string description, bool isRequired = false)
    {
        var parameter = new JsonObject { ["name"] = name, ["in"] = place, ["description"] = description, ["schema"] = schema };
        if (isRequired)
        {
            parameter["required"] = true;
        }

        return parameter;
    }

    private static JsonObject Header(JsonObject schema, string description) => new() { ["description"] = description, ["schema"] = schema };

    private static JsonObject Text(string? format = null, int? maxLength = null)
    {
        var schema = new JsonObject { ["type"] = "string" };
        if (format is not null)
        {
            schema["format"] = format;
        }

        if (maxLength is not null)
        {
            schema["maxLength"] = maxLength;
        }

        return schema;
    }

    private static JsonObject Choice(string choices) =>
        new() { ["type"] = "string", ["enum"] = new JsonArray([.. choices.Split(", ").Select(choice => (JsonNode?)choice)]) };
}
