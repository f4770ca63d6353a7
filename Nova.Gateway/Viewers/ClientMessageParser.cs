using System.Text;
using System.Text.Json;
using Nova.Protocol;

namespace Nova.Gateway.Viewers;

/// <summary>
/// Reads viewers' messages. Invalid JSON, a missing required field and an unknown event are fatal; a value that is merely wrong is not,
/// so that a newer player does not lose its stream over a label (S4, S5).
/// </summary>
internal static class ClientMessageParser
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = Limits.MaxJsonDepth, AllowDuplicateProperties = false };

    public static ClientMessage Parse(ReadOnlyMemory<byte> message)
    {
        try
        {
            if (!HasFewValues(message.Span))
            {
                return Fatal($"The message has more than {Limits.MaxJsonValues} values");
            }

            using var document = JsonDocument.Parse(message, Options);
            return Read(document.RootElement);
        }
        catch (JsonException)
        {
            return Fatal("The message is not valid JSON");
        }
        catch (InvalidOperationException)
        {
            return Fatal("The message holds text that is not valid Unicode"); // \ud800 on its own (S46)
        }
    }

    /// <summary>A document of many values costs many times its bytes: 256 KB of empty arrays took 115 ms. No message needs a thousand.</summary>
    private static bool HasFewValues(ReadOnlySpan<byte> message)
    {
        const int ShortestValue = 2; // 0,
        if (message.Length < Limits.MaxJsonValues * ShortestValue)
        {
            return true;
        }

        var values = 0;
        for (var reader = new Utf8JsonReader(message, new JsonReaderOptions { MaxDepth = Limits.MaxJsonDepth }); reader.Read();)
        {
            if (reader.TokenType is not (JsonTokenType.PropertyName or JsonTokenType.EndArray or JsonTokenType.EndObject) && ++values > Limits.MaxJsonValues)
            {
                return false;
            }
        }

        return true;
    }

    private static ClientMessage Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            return Fatal("The message is not a JSON object");
        }

        if (!root.TryGetProperty("event", out var name) || name.ValueKind != JsonValueKind.String)
        {
            return Fatal("Required field event is missing");
        }

        var hasData = root.TryGetProperty("data", out var data);
        if (name.ValueEquals(EventNames.Pong))
        {
            return !hasData ? new ClientMessage.Pong(null)
                : data.ValueKind == JsonValueKind.Object ? new ClientMessage.Pong(Sequence(data))
                : Fatal("Required field data is not an object");
        }

        Func<JsonElement, ClientMessage>? read =
            name.ValueEquals(EventNames.GetStreamInfo) ? GetStreamInfo
            : name.ValueEquals(EventNames.ReportIssue) ? ReportIssue
            : name.ValueEquals(EventNames.RefreshToken) ? RefreshToken
            : null;
        return read is null ? Fatal("Unknown event")
            : !hasData ? Fatal("Required field data is missing")
            : data.ValueKind != JsonValueKind.Object ? Fatal("Required field data is not an object")
            : read(data);
    }

    /// <summary>A sequence of the wrong type is as good as none (S1).</summary>
    private static long? Sequence(JsonElement data) =>
        data.TryGetProperty("sequence", out var sequence) && sequence.ValueKind == JsonValueKind.Number && sequence.TryGetInt64(out var value) ? value : null;

    private static ClientMessage GetStreamInfo(JsonElement data) =>
        Text(data, "request_id") is not { } id ? Fatal("Required field data.request_id is missing, or is no string")
        : id.Length is 0 or > Limits.RequestIdChars ? Fatal($"Field data.request_id must have 1 to {Limits.RequestIdChars} characters")
        : new ClientMessage.GetStreamInfo(id);

    private static ClientMessage RefreshToken(JsonElement data) =>
        Text(data, "token") is { Length: > 0 } token ? new ClientMessage.RefreshToken(token) : Fatal("Required field data.token is missing");

    private static ClientMessage ReportIssue(JsonElement data)
    {
        if (!data.TryGetProperty("issue_type", out var type))
        {
            return Fatal("Required field data.issue_type is missing");
        }

        if (!data.TryGetProperty("severity", out var severity))
        {
            return Fatal("Required field data.severity is missing");
        }

        if (!TryName<IssueType>(type, out var issueType))
        {
            return Wrong($"Field data.issue_type must be one of {WireNames<IssueType>.Choices}");
        }

        if (!TryName<IssueSeverity>(severity, out var issueSeverity))
        {
            return Wrong($"Field data.severity must be one of {WireNames<IssueSeverity>.Choices}");
        }

        return ReportIssueDetails(data, issueType, issueSeverity);
    }

    private static ClientMessage ReportIssueDetails(JsonElement data, IssueType type, IssueSeverity severity)
    {
        var description = "";
        if (Present(data, "description") is { } text)
        {
            if (text.ValueKind != JsonValueKind.String)
            {
                return Wrong("Field data.description must be a string");
            }

            description = text.GetString()!;
            if (Encoding.UTF8.GetByteCount(description) > Limits.DescriptionBytes)
            {
                return Wrong($"Field data.description must have at most {Limits.DescriptionBytes} bytes");
            }
        }

        string? reportId = null;
        if (Present(data, "report_id") is { } id)
        {
            reportId = Text(data, "report_id");
            if (reportId is null or { Length: 0 or > Limits.ReportIdChars })
            {
                return Wrong($"Field data.report_id must be a string of 1 to {Limits.ReportIdChars} characters");
            }
        }

        var clientInfo = Present(data, "client_info");
        return clientInfo is { } info && FindError(info) is { } error
            ? Wrong(error)
            : new ClientMessage.ReportIssue(type, severity, description, clientInfo?.Clone(), reportId);
    }

    /// <summary>
    /// What is wrong with <c>client_info</c>, if anything. Members that Nova does not know are stored, and so are labels of any length and numbers
    /// with fractions: a report is worth more than its labels (S55).
    /// </summary>
    private static string? FindError(JsonElement info)
    {
        if (info.ValueKind != JsonValueKind.Object)
        {
            return "Field data.client_info must be an object";
        }

        if (Encoding.UTF8.GetByteCount(info.GetRawText()) > Limits.ClientInfoBytes)
        {
            return $"Field data.client_info must have at most {Limits.ClientInfoBytes} bytes";
        }

        if (!IsWithinDepth(info, Limits.ClientInfoDepth))
        {
            return $"Field data.client_info must not be nested deeper than {Limits.ClientInfoDepth}";
        }

        foreach (var name in (ReadOnlySpan<string>)["player", "browser", "os", "network"])
        {
            if (Present(info, name) is { ValueKind: not JsonValueKind.String })
            {
                return $"Field data.client_info.{name} must be a string";
            }
        }

        return Present(info, "bandwidth_estimate_kbps") is { } bandwidth
            && (bandwidth.ValueKind != JsonValueKind.Number || !bandwidth.TryGetDouble(out var kbps) || kbps < 0)
            ? "Field data.client_info.bandwidth_estimate_kbps must be a number of 0 or more"
            : null;
    }

    /// <summary>
    /// Looks at every name and string on the way: one that is no Unicode throws here, where it costs its sender the message, and not when the
    /// report is on its way to Telemetry with everybody else's.
    /// </summary>
    private static bool IsWithinDepth(JsonElement element, int depth) => element.ValueKind switch
    {
        JsonValueKind.Object => depth > 0 && element.EnumerateObject().All(member => member.Name is not null && IsWithinDepth(member.Value, depth - 1)),
        JsonValueKind.Array => depth > 0 && element.EnumerateArray().All(item => IsWithinDepth(item, depth - 1)),
        JsonValueKind.String => element.GetString() is not null,
        _ => true,
    };

    /// <summary>A member that is there and not null.</summary>
    private static JsonElement? Present(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static bool TryName<TEnum>(JsonElement element, out TEnum value)
        where TEnum : struct, Enum
    {
        value = default;
        return element.ValueKind == JsonValueKind.String && WireNames<TEnum>.TryParse(element.GetString(), out value);
    }

    private static ClientMessage.Invalid Fatal(string error) => new(error, Fatal: true);

    private static ClientMessage.Invalid Wrong(string error) => new(error, Fatal: false);
}
