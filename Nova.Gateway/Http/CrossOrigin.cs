using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using Nova.Gateway.Admission;

namespace Nova.Gateway.Http;

/// <summary>
/// Pages of other origins (S57): the list that says who may open sockets says who may call the REST APIs and read why a socket was refused. There
/// is no credentials mode, since tokens come in headers and never in cookies.
/// </summary>
internal static class CrossOrigin
{
    /// <summary>Browsers ask again after a day.</summary>
    private static readonly TimeSpan PreflightAge = TimeSpan.FromDays(1);

    public static void AddCrossOrigin(this IServiceCollection services)
    {
        services.AddCors();
        services.AddOptions<CorsOptions>().Configure<IOptions<GatewayOptions>>((cors, gateway) => cors.AddDefaultPolicy(policy =>
        {
            policy.AllowAnyHeader().AllowAnyMethod().SetPreflightMaxAge(PreflightAge)
                .WithExposedHeaders(HeaderNames.ETag, HeaderNames.RetryAfter, HeaderNames.Location);
            string[] origins = [.. OriginList.Parse(gateway.Value.AllowedOrigins)];
            _ = origins.Length == 0 ? policy.AllowAnyOrigin() : policy.WithOrigins(origins);
        }));
    }
}
