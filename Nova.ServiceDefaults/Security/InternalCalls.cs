using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Nova.ServiceDefaults.Http;

namespace Nova.ServiceDefaults.Security;

/// <summary>
/// Calls between services live under <c>/internal</c>, which the gateway never proxies. Where <c>Internal:ApiKey</c> is set, on both
/// sides, they carry and demand it as well.
/// </summary>
public static class InternalCalls
{
    private const string Header = "X-Nova-Internal-Key";
    private const string Key = "Internal:ApiKey";

    /// <summary>The group of a service's internal endpoints.</summary>
    public static RouteGroupBuilder MapInternal(this WebApplication app)
    {
        var expected = Encoding.UTF8.GetBytes(app.Services.GetRequiredService<IOptions<InternalOptions>>().Value.ApiKey ?? "");
        return app.MapGroup("/internal").ExcludeFromDescription().AllowAnonymous().AddEndpointFilter(async (context, next) =>
            expected.Length == 0 || CryptographicOperations.FixedTimeEquals(
                expected, Encoding.UTF8.GetBytes(context.HttpContext.Request.Headers[Header].ToString()))
                ? await next(context)
                : Problems.Create(StatusCodes.Status401Unauthorized, "CONNECTION_REJECTED", $"The {Header} header must carry {Key}."));
    }

    /// <summary>Sends the key with every request of this client.</summary>
    public static IHttpClientBuilder AddInternalKey(this IHttpClientBuilder client) =>
        client.ConfigureHttpClient((services, http) =>
        {
            if (services.GetRequiredService<IOptions<InternalOptions>>().Value.ApiKey is { } key)
            {
                http.DefaultRequestHeaders.Add(Header, key);
            }
        });
}
