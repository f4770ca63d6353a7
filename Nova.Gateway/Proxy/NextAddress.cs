using System.Net.Sockets;
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
        var untried = proxy.AllDestinations.ToList();
        while (true)
        {
            await next(http);
            if (proxy.ProxiedDestination is null || !untried.Remove(proxy.ProxiedDestination) || untried.Count == 0 || !HasReachedNobody(http))
            {
                return;
            }

            // Also those that failed their last probe: a replica that has just been restarted is well before it is probed again.
            proxy.AvailableDestinations = [.. untried];
            proxy.ProxiedDestination = null;
            http.Features.Set<IForwarderErrorFeature>(null);
            http.Response.StatusCode = StatusCodes.Status200OK;
        }
    }

    private static bool HasReachedNobody(HttpContext http) =>
        !http.Response.HasStarted
        && http.GetForwarderErrorFeature() is
        {
            Error: ForwarderError.Request,

            // The second one where the connection was reset in the moment it was made.
            Exception: HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } or SocketException,
        };
}
