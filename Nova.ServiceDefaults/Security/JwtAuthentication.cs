using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Nova.ServiceDefaults;

/// <summary>
/// Tokens by the framework's own <c>Authentication:Schemes:Bearer</c> section: <c>SigningKeys</c> (HS256, what <c>dotnet user-jwts</c>
/// writes) or <c>Authority</c> (OIDC discovery, RS256 and ES256).
/// </summary>
internal static class JwtAuthentication
{
    private const string Section = "Authentication:Schemes:Bearer";

    public static void AddJwtAuthentication(this IHostApplicationBuilder builder)
    {
        builder.Services.AddAuthentication(JwtBearerDefaults.AuthenticationScheme).AddJwtBearer();
        builder.Services.AddAuthorization();
        builder.Services.AddOptions<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme)
            .PostConfigure(Harden)
            .ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<JwtBearerOptions>>(new ValidateJwt(builder.Configuration));
    }

    private static void Harden(JwtBearerOptions options)
    {
        options.MapInboundClaims = false;
        options.IncludeErrorDetails = false;

        var validation = options.TokenValidationParameters;
        validation.ClockSkew = TimeSpan.FromSeconds(30); // The default of 300 s would honour long-expired tokens (S29).
        validation.RequireExpirationTime = true;
        validation.RequireSignedTokens = true;
        validation.ValidateIssuer = true;
        validation.ValidateAudience = true;
        validation.ValidateLifetime = true;

        // One key type, one family of algorithms: a public RSA key must never be taken for an HMAC secret.
        validation.ValidAlgorithms = string.IsNullOrEmpty(options.Authority)
            ? [SecurityAlgorithms.HmacSha256]
            : [SecurityAlgorithms.RsaSha256, SecurityAlgorithms.EcdsaSha256];

        options.Events = new JwtBearerEvents
        {
            OnMessageReceived = ReadTokenFromSocketRequest,
            OnTokenValidated = AcceptCaller,
            OnChallenge = WriteChallenge,
            OnForbidden = context => Problems.WriteAsync(
                context.HttpContext, StatusCodes.Status403Forbidden, "UNAUTHORIZED", "This token's role does not allow that."),
        };
    }

    /// <summary>A browser's WebSocket cannot set headers, so the protocol puts the token in the query (R3); other routes keep it out of URLs.</summary>
    private static Task ReadTokenFromSocketRequest(MessageReceivedContext context)
    {
        if (context.HttpContext.GetEndpoint()?.Metadata.GetMetadata<ISocketTokenMetadata>() is not { } metadata)
        {
            return Task.CompletedTask;
        }

        const string Bearer = "Bearer ";
        var header = context.Request.Headers.Authorization.ToString();
        var tokens = metadata.ReadTokens(context.HttpContext)
            .Append(header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) ? header[Bearer.Length..].Trim() : "")
            .Where(token => token.Length > 0)
            .Distinct()
            .ToList();
        switch (tokens)
        {
            case []:
                break;
            case [var token]:
                context.Token = token;
                break;
            default:
                context.Fail(new AmbiguousTokenException());
                break;
        }

        return Task.CompletedTask;
    }

    private static Task AcceptCaller(TokenValidatedContext context)
    {
        var token = (JsonWebToken)context.SecurityToken;
        var clock = context.HttpContext.RequestServices.GetRequiredService<TimeProvider>();
        try
        {
            if (token.IssuedAt > clock.GetUtcNow().UtcDateTime + context.Options.TokenValidationParameters.ClockSkew)
            {
                throw new FormatException("the iat claim lies in the future");
            }

            context.HttpContext.Features.Set(Caller.From(token));
        }
        catch (FormatException malformed)
        {
            context.Fail(malformed);
        }

        return Task.CompletedTask;
    }

    /// <summary>401 says what is wrong with the token in words a person can act on, and nothing of what was compared (R108).</summary>
    private static Task WriteChallenge(JwtBearerChallengeContext context)
    {
        context.HandleResponse();
        if (context.AuthenticateFailure is AmbiguousTokenException)
        {
            return Problems.WriteAsync(
                context.HttpContext, StatusCodes.Status400BadRequest, "CONNECTION_REJECTED", "Different tokens were sent at once; send one.", "token_ambiguous");
        }

        var (reason, detail) = context.AuthenticateFailure switch
        {
            null => ("token_missing", "A token is required."),
            SecurityTokenExpiredException => ("token_expired", "The token has expired; get a new one."),
            SecurityTokenNotYetValidException => ("token_not_yet_valid", "The token is not valid yet."),
            SecurityTokenInvalidAudienceException => ("token_audience", "The token was made for another audience."),
            SecurityTokenInvalidIssuerException => ("token_issuer", "The token comes from an issuer that is not accepted here."),
            FormatException malformed => ("token_claims", $"The token cannot be used: {malformed.Message}."),
            _ => ("token_invalid", "The token is not valid."),
        };
        context.Response.Headers.WWWAuthenticate =
            reason == "token_missing" ? "Bearer" : $"Bearer error=\"invalid_token\", error_description=\"{detail}\"";
        return Problems.WriteAsync(context.HttpContext, StatusCodes.Status401Unauthorized, "CONNECTION_REJECTED", detail, reason);
    }

    private sealed class AmbiguousTokenException : Exception;

    private sealed class ValidateJwt(IConfiguration configuration) : IValidateOptions<JwtBearerOptions>
    {
        private const int MinimumKeyBytes = 32; // RFC 7518 3.2: an HS256 key is at least as long as its hash.

        public ValidateOptionsResult Validate(string? name, JwtBearerOptions options)
        {
            List<string> errors = [];
            var validation = options.TokenValidationParameters;
            if (string.IsNullOrEmpty(validation.ValidIssuer) && !(validation.ValidIssuers ?? []).Any() && string.IsNullOrEmpty(options.Authority))
            {
                errors.Add($"{Section}:ValidIssuer is missing: the issuer (iss) of accepted tokens.");
            }

            if (string.IsNullOrEmpty(validation.ValidAudience) && !(validation.ValidAudiences ?? []).Any())
            {
                errors.Add($"{Section}:ValidAudiences is missing: the audiences (aud) of accepted tokens.");
            }

            if (string.IsNullOrEmpty(options.Authority) && !(validation.IssuerSigningKeys ?? []).Any())
            {
                errors.Add($"{Section}:SigningKeys is missing: an HS256 key whose Issuer is ValidIssuer, as `dotnet user-jwts create` writes it; "
                    + $"or set {Section}:Authority to an OpenID Connect issuer.");
            }

            errors.AddRange(configuration.GetSection($"{Section}:SigningKeys").GetChildren()
                .Where(key => !IsStrong(key["Value"]))
                .Select(key => $"{key.Path}:Value must be base64 of at least {MinimumKeyBytes} bytes."));
            return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
        }

        private static bool IsStrong(string? base64)
        {
            var bytes = new byte[1024];
            return base64 is not null && Convert.TryFromBase64String(base64, bytes, out var length) && length >= MinimumKeyBytes;
        }
    }
}

/// <summary>Marks an endpoint whose token may come otherwise than in the Authorization header, and says how.</summary>
public interface ISocketTokenMetadata
{
    /// <summary>Every token that was sent, the Authorization header's excepted; empty strings count as none.</summary>
    IEnumerable<string> ReadTokens(HttpContext context);
}
