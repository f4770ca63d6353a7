using Microsoft.Extensions.Options;

namespace Nova.Gateway.Admission;

/// <summary>The pages that may open sockets (S41). A client that is no page sends no Origin, and the token decides alone.</summary>
internal sealed class OriginList(IOptions<GatewayOptions> options)
{
    private readonly HashSet<string> _allowed = new(Parse(options.Value.AllowedOrigins), StringComparer.OrdinalIgnoreCase);

    public bool Allows(HttpRequest request) => _allowed.Count == 0 || request.Headers.Origin.Count == 0 || _allowed.Contains(request.Headers.Origin.ToString());

    public static IEnumerable<string> Parse(string list) => list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Scheme, host and port as a browser writes them: no path, no trailing slash.</summary>
    public static bool IsOrigin(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.GetLeftPart(UriPartial.Authority).Equals(text, StringComparison.OrdinalIgnoreCase);
}
