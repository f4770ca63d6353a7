using Nova.Protocol;
using Nova.ServiceDefaults.Http;

namespace Nova.Gateway.Admission;

/// <summary>Holds REST calls to the rate of their client's address, whoever answers them: the services behind the gateway or the gateway itself.</summary>
internal static class RequestLimit
{
    public static async Task ApplyAsync(HttpContext http, RequestDelegate next)
    {
        if (Take(http) is { } refusal)
        {
            await refusal.ExecuteAsync(http);
        }
        else
        {
            await next(http);
        }
    }

    public static RouteHandlerBuilder LimitRequests(this RouteHandlerBuilder route) =>
        route.AddEndpointFilter(async (call, next) => Take(call.HttpContext) is { } refusal ? refusal : await next(call));

    /// <returns>The answer to a call that comes too soon.</returns>
    private static IResult? Take(HttpContext http)
    {
        var services = http.RequestServices;
        if (services.GetRequiredService<RequestRates>().TryTake(services.GetRequiredService<ClientNetworks>().Of(http), out var wait))
        {
            return null;
        }

        http.Response.Headers.RetryAfter = Problems.RetryAfterSeconds(wait);
        return Problems.Create(StatusCodes.Status429TooManyRequests, ErrorCodes.RateLimited, "Too many requests from this address; try again.");
    }
}
