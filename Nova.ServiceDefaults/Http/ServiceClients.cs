using System.Net.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Http.Resilience;
using Polly;
using Polly.Retry;
using Polly.Timeout;

namespace Nova.ServiceDefaults.Http;

/// <summary>Clients of Nova's own services.</summary>
public static class ServiceClients
{
    /// <summary>More than the usual two replicas, so that another call that moves the round-robin on does no harm.</summary>
    private const int Addresses = 3;

    /// <summary>
    /// A call that reached nobody, or was not answered in its time, goes to the next address of the service. That is all: an answer is an answer,
    /// and whoever has to try again for longer does so in a loop of its own. Two layers of retries made a 503 of 3 s one of 14 s.
    /// </summary>
    /// <param name="attempt">What one address has; the other addresses share the rest of the client's own time-out.</param>
    public static IHttpClientBuilder AddServiceClient(this IHttpClientBuilder client, TimeSpan attempt, TimeSpan total)
    {
        client.ConfigureHttpClient(http => http.Timeout = total);
        client.AddResilienceHandler("next-address", pipeline => pipeline
            .AddRetry(new RetryStrategyOptions<HttpResponseMessage>
            {
                MaxRetryAttempts = Addresses - 1,
                Delay = TimeSpan.Zero,
                ShouldHandle = outcome => ValueTask.FromResult(outcome.Outcome.Exception is TimeoutRejectedException || HasReachedNobody(outcome.Outcome.Exception)),
            })
            .AddTimeout(attempt));
        client.AddServiceDiscovery();
        client.AddHttpMessageHandler(() => new BareSocketErrors());
        return client;
    }

    private static bool HasReachedNobody(Exception? exception) =>
        exception is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError };
}
