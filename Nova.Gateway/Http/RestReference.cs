using System.Net.Mime;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Scalar.AspNetCore;

namespace Nova.Gateway.Http;

/// <summary>The REST APIs' contract, for programs at <c>/openapi/v1.json</c> and for people at <c>/docs</c>.</summary>
internal static class RestReference
{
    private const string Address = "/openapi/v1.json";

    /// <summary>As docs/openapi.json has it: the origin that the document came from.</summary>
    private const string Server = "\"url\": \"/\"";

    public static void MapRestReference(this WebApplication app)
    {
        var document = Read();
        app.MapGet(Address, (HttpRequest request) => TypedResults.Text(
                document.Replace(Server, $"\"url\": {JsonSerializer.Serialize($"{request.Scheme}://{request.Host}")}", StringComparison.Ordinal), MediaTypeNames.Application.Json))
            .AllowAnonymous().ExcludeFromDescription();
        app.MapScalarApiReference("/docs", (options, http) =>
        {
            var nonce = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
            http.Response.Headers.ContentSecurityPolicy = PolicyOf(nonce);
            options.WithTitle("Nova: REST API").WithOpenApiRoutePattern(Address).WithNonce(nonce)
                .DisableDefaultFonts().DisableAgent().DisableMcp().HideClientButton().HideDeveloperTools(); // All of these load from elsewhere, or lead there.
        }).AllowAnonymous();
    }

    /// <summary>Its own files, this origin's API to try calls on, and the styles that it makes while it runs.</summary>
    private static string PolicyOf(string nonce) =>
        $"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
        + "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

    private static string Read()
    {
        using var reader = new StreamReader(typeof(RestReference).Assembly.GetManifestResourceStream("reference/openapi.json")!, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
