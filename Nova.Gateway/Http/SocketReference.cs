using System.Net.Mime;
using System.Security.Cryptography;
using Microsoft.Net.Http.Headers;

namespace Nova.Gateway.Http;

/// <summary>
/// The WebSocket's contract, for programs at <c>/asyncapi.yaml</c> and for people at <c>/docs/socket</c>. Its files are in the assembly;
/// <c>tests/contracts/asyncapi.mjs</c> builds those of the page from <c>docs/asyncapi.yaml</c> and says when they are stale.
/// </summary>
internal static class SocketReference
{
    private static readonly (string Path, string Resource, string ContentType)[] Files =
    [
        ("/asyncapi.yaml", "asyncapi.yaml", "application/yaml"),
        ("/docs/socket", "socket.html", MediaTypeNames.Text.Html),
        ("/docs/socket/socket.js", "socket.js", MediaTypeNames.Text.JavaScript),
        ("/docs/socket/socket.css", "socket.css", MediaTypeNames.Text.Css),
    ];

    public static void MapSocketReference(this WebApplication app)
    {
        foreach (var (path, resource, contentType) in Files)
        {
            using var content = Open(resource);
            var tag = new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(content))}\"");
            app.MapMethods(path, [HttpMethods.Get, HttpMethods.Head], (HttpResponse response) =>
            {
                response.Headers.ContentSecurityPolicy = SecurityHeaders.ReferencePolicy;
                response.Headers.CacheControl = "no-cache"; // To be asked for each time, which the tag makes cheap: a new Nova has a new contract.
                return TypedResults.Stream(Open(resource), $"{contentType}; charset=utf-8", entityTag: tag);
            }).AllowAnonymous().ExcludeFromDescription();
        }
    }

    private static Stream Open(string resource) =>
        typeof(SocketReference).Assembly.GetManifestResourceStream($"reference/{resource}") ?? throw new InvalidOperationException($"{resource} is not embedded.");
}
