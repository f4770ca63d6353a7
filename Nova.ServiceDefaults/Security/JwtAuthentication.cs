using System.Security.Claims;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Nova.ServiceDefaults.Configuration;
using Nova.ServiceDefaults.Http;

namespace Nova.ServiceDefaults.Security;

/// <summary>Tokens on REST calls: the framework's bearer scheme, with <see cref="TokenValidator"/> to judge them and problem bodies to refuse them.</summary>
public static class JwtAuthentication
{
    private const string Publisher = "publisher";

    /// <summary>Broadcasters and operators only, judged before the request's body is read.</summary>
    public static TBuilder RequirePublisher<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder => endpoint.RequireAuthorization(Publisher);

    internal static void AddJwtAuthentication(this IHostApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddValidatedOptions<TokenOptions, ValidateTokenOptions>(TokenOptions.Section).PostConfigure(options => options.Trim());
        services.AddSingleton<TokenValidator>();

        // Not AddJwtBearer: it reads the configuration by itself, and fails where an issuer has two keys.
        services.AddAuthentication(JwtBearerDefaults.AuthenticationScheme)
            .AddScheme<JwtBearerOptions, JwtBearerHandler>(JwtBearerDefaults.AuthenticationScheme, options => options.Events = new JwtBearerEvents
            {
                OnMessageReceived = ValidateAsync,
                OnChallenge = ChallengeAsync,
                OnForbidden = context => Problems.WriteAsync(
                    context.HttpContext, StatusCodes.Status403Forbidden, "UNAUTHORIZED", "This token's role does not allow that."),
            });
        services.AddAuthorization(options => options.AddPolicy(Publisher, policy => policy.RequireAssertion(
            context => context.Resource is HttpContext http && http.Features.Get<Caller>() is { Role: not CallerRole.Viewer })));
    }

    private static async Task ValidateAsync(MessageReceivedContext context)
    {
        if (BearerToken.Read(context.Request) is not { } token)
        {
            context.NoResult();
            return;
        }

        var validator = context.HttpContext.RequestServices.GetRequiredService<TokenValidator>();
        var (caller, refusal) = await validator.ValidateAsync(token, context.HttpContext.RequestAborted);
        if (caller is null)
        {
            context.Fail(new TokenRefusedException(refusal!));
            return;
        }

        context.HttpContext.Features.Set(caller);
        context.Principal = new ClaimsPrincipal(new ClaimsIdentity([new Claim("sub", caller.Subject)], JwtBearerDefaults.AuthenticationScheme));
        context.Success();
    }

    private static Task ChallengeAsync(JwtBearerChallengeContext context)
    {
        context.HandleResponse();
        return ((context.AuthenticateFailure as TokenRefusedException)?.Refusal ?? TokenRefusal.Missing).WriteAsync(context.HttpContext);
    }

    private sealed class TokenRefusedException(TokenRefusal refusal) : Exception(refusal.Reason)
    {
        public TokenRefusal Refusal { get; } = refusal;
    }
}
