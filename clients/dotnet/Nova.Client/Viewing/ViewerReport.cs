using System.Text;
using System.Text.Json.Nodes;
using Nova.Protocol;

namespace Nova.Client;

/// <summary>What a viewer suffers.</summary>
/// <param name="Description">At most 4,096 bytes.</param>
/// <param name="ClientInfo"><c>player</c>, <c>browser</c>, <c>os</c>, <c>network</c>, <c>bandwidth_estimate_kbps</c> and members of your own; 8,192 bytes in all.</param>
/// <param name="ReportId">1 to 128 characters, yours; the same one again is the same report. One is made where it is null.</param>
public sealed record ViewerReport(IssueType IssueType, IssueSeverity Severity, string? Description = null, JsonObject? ClientInfo = null, string? ReportId = null)
{
    /// <exception cref="ArgumentException">Nova would refuse it; the message names the member.</exception>
    internal void Check(string reportId)
    {
        if (reportId.EnumerateRunes().Count() is 0 or > Limits.ReportIdChars)
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
    }
}

/// <summary>A report that Nova has stored for good.</summary>
public sealed record StoredReport(string ReportId, Guid IssueId);
