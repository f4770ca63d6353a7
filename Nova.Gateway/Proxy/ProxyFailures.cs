using Nova.Protocol;
using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Http;
using Yarp.ReverseProxy.Forwarder;

namespace Nova.Gateway.Proxy;

/// <summary>What a REST call gets where no service answers it: a problem body that says whose fault it is.</summary>
internal sealed class ProxyFailures(TimeProvider time, ILogger<ProxyFailures> logger)
{
    private readonly LogThrottle _warnings = new(time);

    public static async Task AnswerAsync(HttpContext http, RequestDelegate next)
    {
        await next(http);
        if (http.GetForwarderErrorFeature() is { } failure)
        {
            await http.RequestServices.GetRequiredService<ProxyFailures>().AnswerAsync(http, failure);
        }
        else if (http.GetReverseProxyFeature().ProxiedDestination is null && !http.Response.HasStarted)
        {
            await http.RequestServices.GetRequiredService<ProxyFailures>().AnswerUnavailableAsync(http, "no address is configured");
        }
    }

    private Task AnswerAsync(HttpContext http, IForwarderErrorFeature failure)
    {
        if (failure.Error is ForwarderError.RequestCanceled or ForwarderError.RequestBodyCanceled or ForwarderError.ResponseBodyCanceled)
        {
            return Task.CompletedTask; // The client has gone.
        }

        return FindBadRequest(failure.Exception) is { } bad && !http.Response.HasStarted
            ? WriteBadRequestAsync(http, bad.StatusCode)
            : AnswerUnavailableAsync(http, failure.Error.ToString());
    }

    private async Task AnswerUnavailableAsync(HttpContext http, string error)
    {
        if (_warnings.TryTake(out var suppressed))
        {
            logger.ProxyFailed(http.GetReverseProxyFeature().Cluster.Config.ClusterId, error, suppressed);
        }

        if (!http.Response.HasStarted)
        {
            http.Response.Headers.RetryAfter = Problems.RetryAfterSeconds();
            await Problems.WriteAsync(http, StatusCodes.Status503ServiceUnavailable, ErrorCodes.ServerError, "A service behind the gateway does not answer; try again.");
        }
    }

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
}
