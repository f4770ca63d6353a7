using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.StaticFiles;
using Microsoft.Extensions.Options;
using Nova.Gateway.Admission;

namespace Nova.Gateway.Http;

/// <summary>The headers of every answer that browsers act on, and the proxies whose headers are trusted.</summary>
internal static class SecurityHeaders
{
    /// <summary>An answer of the API is data: nothing in it runs, and no page may frame it.</summary>
    private const string DataPolicy = "default-src 'none'; frame-ancestors 'none'";

    /// <summary>
    /// The console: its own files and this origin's API, and text is never made into markup. ws: is named for browsers whose 'self' does not
    /// include it.
    /// </summary>
    private const string PagePolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ws: wss:; frame-ancestors 'none'; "
        + "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'";

    /// <summary>
    /// The reference page: its own files, and nothing to connect to. It makes markup of the contract's texts, cleaned by its library, which is why it has no
    /// trusted types.
    /// </summary>
    public const string ReferencePolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

    public static void UseSecurityHeaders(this WebApplication app) => app.Use((http, next) =>
    {
        if (http.Request.Headers.Upgrade.Count == 0) // What is upgraded shows nothing.
        {
            http.Response.OnStarting(Add, http.Response); // Not before: an answer to an exception begins by clearing headers.
        }

        return next(http);
    });

    public static void AllowPage(StaticFileResponseContext file) => file.Context.Response.Headers.ContentSecurityPolicy = PagePolicy;

    /// <summary>
    /// Takes a client's address and scheme from the headers of <see cref="GatewayOptions.KnownProxies"/>. From anybody else the headers mean
    /// nothing: who could choose its address would have no limits.
    /// </summary>
    public static void UseKnownProxies(this WebApplication app)
    {
        var proxies = ClientNetworks.Parse(app.Services.GetRequiredService<IOptions<GatewayOptions>>().Value.KnownProxies).ToList();
        if (proxies.Count == 0)
        {
            return;
        }

        var forwarded = new ForwardedHeadersOptions
        {
            ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto,
            ForwardLimit = null, // Back to the first hop that is none of ours.
        };
        forwarded.KnownProxies.Clear();
        forwarded.KnownIPNetworks.Clear();
        proxies.ForEach(forwarded.KnownIPNetworks.Add);
        app.UseForwardedHeaders(forwarded);
    }

    private static Task Add(object state)
    {
        var headers = ((HttpResponse)state).Headers;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()";
        if (headers.ContentSecurityPolicy.Count == 0)
        {
            headers.ContentSecurityPolicy = DataPolicy;
        }

        return Task.CompletedTask;
    }
}
