using System.Text.Json;
using Nova.Protocol;

namespace Nova.Gateway.Viewers;

/// <summary>A message from a viewer.</summary>
internal abstract record ClientMessage
{
    /// <param name="Sequence">Absent where the pong answers no ping, as the document's own client sends it (S1).</param>
    public sealed record Pong(long? Sequence) : ClientMessage;

    public sealed record GetStreamInfo(string RequestId) : ClientMessage;

    public sealed record ReportIssue(IssueType Type, IssueSeverity Severity, string Description, JsonElement? ClientInfo, string? ReportId) : ClientMessage;

    public sealed record RefreshToken(string Token) : ClientMessage;

    /// <param name="Fatal">One of the document's three causes, which close with 1003 (S4); else the connection goes on (S5).</param>
    public sealed record Invalid(string Error, bool Fatal) : ClientMessage;
}
