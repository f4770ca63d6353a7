using Microsoft.AspNetCore.Http;

namespace Nova.ServiceDefaults.Security;

public static class BearerToken
{
    private const string Scheme = "Bearer ";

    /// <summary>The token of the Authorization header; null where there is none.</summary>
    public static string? Read(HttpRequest request) =>
        request.Headers.Authorization.ToString() is var header && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && header[Scheme.Length..].Trim() is { Length: > 0 } token ? token : null;
}
