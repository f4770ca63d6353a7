using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Model;

namespace Nova.Gateway.Proxy;

/// <summary>
/// Sends a request to the next address of its service where one refused the connection: nothing was sent yet, so that it is safe for every method.
/// </summary>
internal static class NextAddress
{
    public static async Task TryAsync(HttpContext http, RequestDelegate next)
    {
        var proxy = http.GetReverseProxyFeature();
        while (true)
        {
            await next(http);
            var others = proxy.AvailableDestinations.Where(destination => destination != proxy.ProxiedDestination).ToList();
            if (others.Count == 0 || !HasReachedNobody(http))
            {
                return;
            }

            http.Features.Set<IForwarderErrorFeature>(null);
            http.Response.StatusCode = StatusCodes.Status200OK;
            proxy.ProxiedDestination = null;
            proxy.AvailableDestinations = others;
        }
    }

    private static bool HasReachedNobody(HttpContext http) =>
        !http.Response.HasStarted
        && http.GetForwarderErrorFeature() is { Error: ForwarderError.Request, Exception: HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } };
}
