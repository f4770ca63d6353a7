using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Security;

namespace Nova.Gateway.Admission;

/// <summary>
/// Where a viewer's token may be (PROTOCOL.md 3.1): in the query as the document has it, in the Authorization header, or offered as a
/// subprotocol, which keeps it out of URLs where a browser can set no header.
/// </summary>
internal static class SocketToken
{
    /// <summary>The only subprotocol ever answered; the other one offered is the token.</summary>
    public const string SubProtocol = "nova.v1";

    private const string TokenProtocolPrefix = "nova-token.";

    /// <returns>The token, or why there is none: nobody sent one, or different ones came at once (F19).</returns>
    public static (string? Token, TokenRefusal? Refusal) Read(HttpContext http)
    {
        string? token = null;
        foreach (var candidate in Candidates(http))
        {
            if (string.IsNullOrEmpty(candidate))
            {
                continue;
            }

            if (token is not null && token != candidate)
            {
                return (null, TokenRefusal.Ambiguous);
            }

            token = candidate;
        }

        return (token, token is null ? TokenRefusal.Missing : null);
    }

    private static IEnumerable<string?> Candidates(HttpContext http)
    {
        foreach (var value in http.Request.Query["token"])
        {
            yield return value;
        }

        yield return BearerToken.Read(http.Request);
        if (http.Request.Headers.SecWebSocketProtocol.Count == 0)
        {
            yield break;
        }

        foreach (var protocol in http.Request.Headers.GetCommaSeparatedValues("Sec-WebSocket-Protocol"))
        {
            if (protocol.StartsWith(TokenProtocolPrefix, StringComparison.Ordinal))
            {
                yield return protocol[TokenProtocolPrefix.Length..];
            }
        }
    }
}
