using Nova.ServiceDefaults;

namespace Nova.Gateway.Viewers;

/// <summary>
/// Where a viewer's token may be (PROTOCOL.md 3.1): in the query as the document has it, in the Authorization header, or offered as a
/// subprotocol, which keeps it out of URLs where a browser can set no header.
/// </summary>
internal sealed class SocketToken : ISocketTokenMetadata
{
    /// <summary>The only subprotocol ever answered; the other one offered is the token.</summary>
    public const string SubProtocol = "nova.v1";

    private const string TokenProtocolPrefix = "nova-token.";

    public IEnumerable<string> ReadTokens(HttpContext context) =>
        context.Request.Query["token"].Concat(
            context.WebSockets.WebSocketRequestedProtocols
                .Where(protocol => protocol.StartsWith(TokenProtocolPrefix, StringComparison.Ordinal))
                .Select(protocol => (string?)protocol[TokenProtocolPrefix.Length..]))
        .OfType<string>();
}
