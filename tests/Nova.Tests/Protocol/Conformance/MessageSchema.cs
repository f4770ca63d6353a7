using System.Text.Json;
using System.Text.RegularExpressions;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>
/// What the document's examples say of every server message: its members, their JSON types, the values of its enums. Members beyond them are
/// allowed (additions are invisible to a client that knows only the document), names other than snake_case are not.
/// </summary>
internal static partial class MessageSchema
{
    private static readonly Kind Text = OfText("a string", _ => true);
    private static readonly Kind Id = OfText("a non-empty string", text => text.Length > 0);
    private static readonly Kind Uuid = OfText("a UUID in lower case", text => UuidForm().IsMatch(text));
    private static readonly Kind Time = OfText("a UTC time with milliseconds", text => TimestampForm().IsMatch(text));
    private static readonly Kind Code = OfText("an upper-case code", text => CodeForm().IsMatch(text));
    private static readonly Kind Quality = OneOf("720p", "1080p", "4k", "auto");
    private static readonly Kind Flag = new("a boolean", value => value.ValueKind is JsonValueKind.True or JsonValueKind.False);
    private static readonly Kind Whole = OfNumber("an integer", number => WholeForm().IsMatch(number));
    private static readonly Kind Count = OfNumber("an integer of 0 or more", number => WholeForm().IsMatch(number) && number[0] != '-');

    /// <summary>Event, then its members.</summary>
    private static readonly Dictionary<string, (string Name, Kind Kind)[]> Messages = new()
    {
        ["connection_established"] =
            [("stream_id", Uuid), ("viewer_id", Uuid), ("session_id", Id), ("protocol_version", Text), ("timestamp", Time)],
        ["stream_started"] =
        [
            ("stream_id", Uuid), ("broadcaster_id", Id), ("title", Text), ("description", Text), ("quality", Quality), ("fps", Count),
            ("bitrate_kbps", Count), ("timestamp", Time),
        ],
        ["stream_ended"] =
        [
            ("stream_id", Uuid), ("duration_seconds", Count), ("peak_viewers", Count), ("final_viewer_count", Count),
            ("reason", OneOf("broadcaster_ended", "connection_lost", "session_timeout", "error")), ("timestamp", Time),
        ],
        ["viewer_count_changed"] =
            [("stream_id", Uuid), ("viewer_count", Count), ("peak_viewers", Count), ("change", Whole), ("timestamp", Time)],
        ["quality_changed"] =
        [
            ("stream_id", Uuid), ("previous_quality", Quality), ("new_quality", Quality), ("previous_bitrate_kbps", Count),
            ("new_bitrate_kbps", Count), ("fps", Count),
            ("reason", OneOf("adaptive_bitrate", "broadcaster_changed", "network_congestion", "quality_degradation")), ("timestamp", Time),
        ],
        ["bitrate_update"] =
        [
            ("stream_id", Uuid), ("current_bitrate_kbps", Count), ("quality", Quality), ("health", OneOf("excellent", "good", "fair", "poor")),
            ("timestamp", Time),
        ],
        ["error"] =
        [
            ("error_code", Code), ("error_message", Text), ("severity", OneOf("info", "warning", "error", "critical")),
            ("recoverable", Flag), ("suggested_action", Text), ("timestamp", Time),
        ],
        ["ping"] = [("sequence", Count), ("timestamp", Time)],
        ["stream_info"] =
        [
            ("request_id", Id), ("stream_id", Uuid), ("status", OneOf("active", "scheduled", "ended")), ("viewer_count", Count),
            ("peak_viewers", Count), ("quality", Quality), ("bitrate_kbps", Count), ("fps", Count), ("duration_seconds", Count),
            ("broadcaster_name", Text), ("timestamp", Time),
        ],
    };

    /// <summary>The events that the document shows.</summary>
    public static IReadOnlyCollection<string> Events => Messages.Keys;

    public static bool IsTimestamp(string text) => TimestampForm().IsMatch(text);

    /// <summary>Everything that is wrong with a message; nothing for one that is as documented.</summary>
    public static IReadOnlyList<string> Violations(string message)
    {
        JsonElement root;
        try
        {
            root = JsonElement.Parse(message);
        }
        catch (JsonException exception)
        {
            return [$"It is not one JSON text: {exception.Message}"];
        }

        if (root.ValueKind != JsonValueKind.Object
            || !root.TryGetProperty("event", out var name) || name.ValueKind != JsonValueKind.String
            || !root.TryGetProperty("data", out var data) || data.ValueKind != JsonValueKind.Object)
        {
            return ["""It is not of the form {"event": string, "data": object}."""];
        }

        List<string> wrong = [.. Names(root).Where(member => !SnakeCase().IsMatch(member)).Select(member => $"{member} is not in snake_case.")];
        foreach (var (member, kind) in Messages.GetValueOrDefault(name.GetString()!, []))
        {
            if (!data.TryGetProperty(member, out var value))
            {
                wrong.Add($"{name}.{member} is missing.");
            }
            else if (!kind.Fits(value))
            {
                wrong.Add($"{name}.{member} is {value.GetRawText()} and not {kind.What}.");
            }
        }

        return wrong;
    }

    private static Kind OneOf(params string[] values) => OfText($"one of {string.Join(", ", values)}", values.Contains);

    private static Kind OfText(string what, Func<string, bool> fits) =>
        new(what, value => value.ValueKind == JsonValueKind.String && fits(value.GetString()!));

    /// <param name="fits">Gets the number as it was written.</param>
    private static Kind OfNumber(string what, Func<string, bool> fits) =>
        new(what, value => value.ValueKind == JsonValueKind.Number && fits(value.GetRawText()));

    private static IEnumerable<string> Names(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject().SelectMany(member => Names(member.Value).Prepend(member.Name)),
        JsonValueKind.Array => value.EnumerateArray().SelectMany(Names),
        _ => [],
    };

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\z", RegexOptions.ECMAScript)]
    private static partial Regex TimestampForm();

    [GeneratedRegex(@"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\z")]
    private static partial Regex UuidForm();

    [GeneratedRegex(@"^-?\d+\z")]
    private static partial Regex WholeForm();

    [GeneratedRegex(@"^[A-Z][A-Z0-9_]*\z")]
    private static partial Regex CodeForm();

    [GeneratedRegex(@"^[a-z][a-z0-9_]*\z")]
    private static partial Regex SnakeCase();

    private sealed record Kind(string What, Func<JsonElement, bool> Fits);
}
