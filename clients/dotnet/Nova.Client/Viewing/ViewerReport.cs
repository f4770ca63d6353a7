using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Nova.Protocol;

namespace Nova.Client;

/// <summary>What a viewer suffers.</summary>
/// <param name="Description">At most 4,096 bytes.</param>
/// <param name="ClientInfo"><c>player</c>, <c>browser</c>, <c>os</c>, <c>network</c>, <c>bandwidth_estimate_kbps</c> and members of your own; 8,192 bytes in all.</param>
/// <param name="ReportId">1 to 128 characters, yours; the same one again is the same report. One is made where it is null.</param>
public sealed record ViewerReport(IssueType IssueType, IssueSeverity Severity, string? Description = null, JsonObject? ClientInfo = null, string? ReportId = null)
{
    /// <summary>Nova takes 1,000 in a whole message.</summary>
    private const int MostValues = 900;

    private static readonly string[] Labels = ["player", "browser", "os", "network"];

    /// <exception cref="ArgumentException">Nova would refuse it; the message names the member.</exception>
    internal void Check(string reportId)
    {
        if (reportId.Length is 0 or > Limits.ReportIdChars)
        {
            throw new ArgumentException($"{nameof(ReportId)} must have 1 to {Limits.ReportIdChars} characters.");
        }

        if (Encoding.UTF8.GetByteCount(Description ?? "") > Limits.DescriptionBytes)
        {
            throw new ArgumentException($"{nameof(Description)} must have at most {Limits.DescriptionBytes} bytes.");
        }

        if (ClientInfo is not null && Encoding.UTF8.GetByteCount(ClientInfo.ToJsonString()) > Limits.ClientInfoBytes)
        {
            throw new ArgumentException($"{nameof(ClientInfo)} must have at most {Limits.ClientInfoBytes} bytes.");
        }

        if (ClientInfo is not null && Measure(ClientInfo) is var (depth, values) && (depth > Limits.ClientInfoDepth || values > MostValues))
        {
            throw new ArgumentException($"{nameof(ClientInfo)} must have at most {Limits.ClientInfoDepth} levels and {MostValues} values.");
        }

        foreach (var label in Labels)
        {
            if (ClientInfo?[label] is { } value && value.GetValueKind() != JsonValueKind.String)
            {
                throw new ArgumentException($"{nameof(ClientInfo)}.{label} must be text.");
            }
        }

        if (ClientInfo?["bandwidth_estimate_kbps"] is { } kbps && (kbps.GetValueKind() != JsonValueKind.Number || kbps.ToJsonString().StartsWith('-')))
        {
            throw new ArgumentException($"{nameof(ClientInfo)}.bandwidth_estimate_kbps must be a number of 0 or more.");
        }
    }

    private static (int Depth, int Values) Measure(JsonNode? node)
    {
        var children = node switch { JsonObject some => some.Select(member => member.Value), JsonArray some => some, _ => null };
        if (children is null)
        {
            return (0, 1);
        }

        var (depth, values) = (1, 1);
        foreach (var child in children)
        {
            var inner = Measure(child);
            (depth, values) = (Math.Max(depth, 1 + inner.Depth), values + inner.Values);
        }

        return (depth, values);
    }
}

/// <summary>A report that Nova has stored for good.</summary>
public sealed record StoredReport(string ReportId, Guid IssueId);
