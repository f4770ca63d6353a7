using Microsoft.AspNetCore.Http;
using Microsoft.IdentityModel.Tokens;
using Nova.ServiceDefaults.Http;

namespace Nova.ServiceDefaults.Security;

/// <summary>Why a token is not accepted, in words a person can act on, and nothing of what was compared (R108).</summary>
/// <param name="Reason">For programs.</param>
public sealed record TokenRefusal(string Reason, string Detail)
{
    public static readonly TokenRefusal Missing = new("token_missing", "A token is required.");
    public static readonly TokenRefusal Ambiguous = new("token_ambiguous", "Different tokens were sent at once; send one.");
    public static readonly TokenRefusal Invalid = new("token_invalid", "The token is not valid.");
    public static readonly TokenRefusal Issuer = new("token_issuer", "The token comes from an issuer that is not accepted here.");
    public static readonly TokenRefusal KeysUnavailable = new("token_keys_unavailable", "The issuer's keys cannot be fetched now; try again.");

    /// <param name="failure">What the library says; its texts stay inside.</param>
    public static TokenRefusal Of(Exception? failure) => failure switch
    {
        SecurityTokenExpiredException => new("token_expired", "The token has expired; get a new one."),
        SecurityTokenNotYetValidException => new("token_not_yet_valid", "The token is not valid yet."),
        SecurityTokenNoExpirationException => Claims("the exp claim is missing"),
        SecurityTokenInvalidAudienceException => new("token_audience", "The token was made for another audience."),
        SecurityTokenInvalidIssuerException => Issuer,
        _ => Invalid,
    };

    public static TokenRefusal Claims(string what) => new("token_claims", $"The token cannot be used: {what}.");

    /// <summary>401; 400 where there are several, 503 where nobody can say now.</summary>
    public Task WriteAsync(HttpContext http)
    {
        if (this == KeysUnavailable)
        {
            http.Response.Headers.RetryAfter = Problems.RetryAfterSeconds();
            return Problems.WriteAsync(http, StatusCodes.Status503ServiceUnavailable, "SERVER_ERROR", Detail, Reason);
        }

        if (this == Ambiguous)
        {
            return Problems.WriteAsync(http, StatusCodes.Status400BadRequest, "CONNECTION_REJECTED", Detail, Reason);
        }

        http.Response.Headers.WWWAuthenticate = this == Missing ? "Bearer" : $"Bearer error=\"invalid_token\", error_description=\"{Detail.Replace('"', '\'')}\"";
        return Problems.WriteAsync(http, StatusCodes.Status401Unauthorized, "CONNECTION_REJECTED", Detail, Reason);
    }
}
