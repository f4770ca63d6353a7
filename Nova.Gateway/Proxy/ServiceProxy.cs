using System.Diagnostics;
using System.Net;
using Microsoft.Extensions.ServiceDiscovery;
using Nova.Gateway.Trust;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Yarp.ReverseProxy.Forwarder;

namespace Nova.Gateway.Proxy;

/// <summary>
/// The REST APIs of the services behind the gateway, on its own origin. Requests are forwarded as they are, to an address from service
/// discovery; each service checks the token itself.
/// </summary>
internal sealed class ServiceProxy(
    IHttpForwarder forwarder, ServiceEndpointResolver resolver, ClientNetworks networks, RequestRates rates, ILogger<ServiceProxy> logger) : IDisposable
{
    private static readonly ForwarderRequestConfig Request = new() { ActivityTimeout = TimeSpan.FromSeconds(30) };

    private readonly HttpMessageInvoker _client = new(new SocketsHttpHandler
    {
        UseProxy = false,
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        UseCookies = false,
        ActivityHeadersPropagator = new ReverseProxyPropagator(DistributedContextPropagator.Current),
        ConnectTimeout = TimeSpan.FromSeconds(5),
        PooledConnectionLifetime = TimeSpan.FromMinutes(2), // So that a moved service is found.
    });

    public async Task ForwardAsync(HttpContext http, string service)
    {
        if (!rates.TryTake(networks.Of(http), out var wait))
        {
            http.Response.Headers.RetryAfter = Problems.RetryAfterSeconds(wait);
            await Problems.WriteAsync(http, StatusCodes.Status429TooManyRequests, ErrorCodes.RateLimited, "Too many requests from this address; try again.");
            return;
        }

        // Aspire injects https as well where a service has it; either will do inside the system.
        var endpoints = (await resolver.GetEndpointsAsync($"https+http://{service}", http.RequestAborted)).Endpoints;
        var address = endpoints.Count == 0 ? null : endpoints[Random.Shared.Next(endpoints.Count)].ToString();
        if (address is null)
        {
            logger.ProxyFailed(service, "no address is configured");
            await UnavailableAsync(http);
            return;
        }

        // Only the WebSocket endpoint reads tokens from the query; here one would only end up in somebody's log.
        http.Request.QueryString = QueryString.Create(http.Request.Query.Where(parameter => !parameter.Key.Equals("token", StringComparison.OrdinalIgnoreCase)));
        var destination = address.Contains("://", StringComparison.Ordinal) ? address : $"http://{address}";
        var error = await forwarder.SendAsync(http, destination, _client, Request);
        if (error is ForwarderError.None or ForwarderError.RequestCanceled or ForwarderError.RequestBodyCanceled or ForwarderError.ResponseBodyCanceled)
        {
            return;
        }

        if (http.Response.HasStarted)
        {
            logger.ProxyFailed(service, error.ToString());
        }
        else if (FindBadRequest(http.GetForwarderErrorFeature()?.Exception) is { } bad)
        {
            await WriteBadRequestAsync(http, bad.StatusCode);
        }
        else
        {
            logger.ProxyFailed(service, error.ToString());
            await UnavailableAsync(http);
        }
    }

    public void Dispose() => _client.Dispose();

    /// <summary>The client's body broke a rule while it was being forwarded: too large, too slow, not what it said it would be.</summary>
    private static BadHttpRequestException? FindBadRequest(Exception? exception) => exception switch
    {
        null => null,
        BadHttpRequestException bad => bad,
        AggregateException several => several.InnerExceptions.Select(FindBadRequest).FirstOrDefault(bad => bad is not null),
        _ => FindBadRequest(exception.InnerException),
    };

    private static Task WriteBadRequestAsync(HttpContext http, int status) => Problems.WriteAsync(
        http, status, ErrorCodes.InvalidRequest,
        status == StatusCodes.Status413PayloadTooLarge ? "The body is too large." : "The request's body cannot be read.");

    private static Task UnavailableAsync(HttpContext http)
    {
        http.Response.Headers.RetryAfter = Problems.RetryAfterSeconds();
        return Problems.WriteAsync(http, StatusCodes.Status503ServiceUnavailable, ErrorCodes.ServerError, "A service behind the gateway does not answer; try again.");
    }
}

internal static class ServiceProxyEndpoints
{
    public static void MapServices(this WebApplication app)
    {
        Forward(app, "/api/v1/streams/{**rest}", "stream-state");
        Forward(app, "/api/v1/issues/{**rest}", "telemetry");
        Forward(app, "/openapi/{**rest}", "stream-state");
    }

    private static void Forward(WebApplication app, string pattern, string service) =>
        app.Map(pattern, (HttpContext http, ServiceProxy proxy) => proxy.ForwardAsync(http, service)).ExcludeFromDescription().AllowAnonymous();
}
