using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Security;

namespace Nova.Gateway.Development;

/// <summary>
/// <c>POST /dev/tokens</c>: tokens to try Nova with, signed by the configured HS256 key. Exists in Development only, for this machine only,
/// and not for a page of another site that a browser on it has open.
/// </summary>
internal static class DevTokens
{
    private const int DefaultLifetimeSeconds = 3600;
    private const int MaxLifetimeSeconds = 7 * 24 * 3600;

    public static void MapDevTokens(this WebApplication app)
    {
        if (app.Environment.IsDevelopment())
        {
            app.MapPost("/dev/tokens", Create).AllowAnonymous().ExcludeFromDescription();
        }
    }

    private static IResult Create(DevTokenRequest request, HttpContext http, IOptions<TokenOptions> options, TimeProvider time)
    {
        if (!IsFromThisMachine(http))
        {
            return Problems.Create(StatusCodes.Status403Forbidden, ErrorCodes.Unauthorized, "Only programs and pages of this machine get tokens here.");
        }

        var errors = new FieldErrors();
        var subject = errors.Text("sub", request.Sub ?? "viewer", 200, required: true);
        var role = request.Role ?? "viewer";
        if (role is not ("viewer" or "broadcaster" or "operator"))
        {
            errors.Add("role", "must be one of viewer, broadcaster, operator");
        }

        var streams = ReadStreams(request.Streams, errors);
        var lifetime = request.TtlSeconds is null ? DefaultLifetimeSeconds : errors.Number("ttl_seconds", request.TtlSeconds, 1, MaxLifetimeSeconds);
        if (errors.Any)
        {
            return Problems.Invalid(errors.All);
        }

        if (options.Value.UsedSigningKeys.FirstOrDefault() is not { Value: { } key } signing)
        {
            return Problems.Create(
                StatusCodes.Status409Conflict, ErrorCodes.InvalidRequest, "Tokens come from Authentication:Schemes:Bearer:Authority here; there is no key to sign with.");
        }

        var now = time.GetUtcNow();
        var expires = now.AddSeconds(lifetime);
        var claims = new Dictionary<string, object> { ["sub"] = subject, ["role"] = role };
        if (streams is not null)
        {
            claims["streams"] = streams;
        }

        var token = new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = signing.Issuer ?? options.Value.Issuers.First(),
            Audience = options.Value.Audiences.First(),
            IssuedAt = now.UtcDateTime,
            Expires = expires.UtcDateTime,
            Claims = claims,
            SigningCredentials = new SigningCredentials(new SymmetricSecurityKey(Convert.FromBase64String(key)) { KeyId = signing.Id }, SecurityAlgorithms.HmacSha256),
        });
        return TypedResults.Ok(new DevToken(token, expires));
    }

    /// <returns>The claim; null where the token is for every public stream.</returns>
    private static object? ReadStreams(JsonElement? streams, FieldErrors errors)
    {
        if (streams is not { ValueKind: not JsonValueKind.Null } value)
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.String && value.ValueEquals("*"))
        {
            return "*";
        }

        if (value.ValueKind == JsonValueKind.Array
            && value.EnumerateArray().All(id => id.ValueKind == JsonValueKind.String && (id.ValueEquals("*") || Uuid.TryParse(id.GetString(), out _))))
        {
            return value.EnumerateArray().Select(id => id.GetString()!).ToArray();
        }

        errors.Add("streams", "must be \"*\" or an array of stream ids");
        return null;
    }

    /// <summary>A forwarded request or a foreign Host or Origin may come from anywhere, whatever its address says.</summary>
    private static bool IsFromThisMachine(HttpContext http)
    {
        var request = http.Request;
        return http.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address)
            && IsLocal(request.Host.Host)
            && !HttpProtocol.IsHttp10(request.Protocol) // What nginx speaks to a bare proxy_pass, which adds no header; clients of today do not.
            && !request.Headers.Keys.Any(IsFromAProxy)
            && (request.Headers.Origin.ToString() is not { Length: > 0 } origin || (Uri.TryCreate(origin, UriKind.Absolute, out var from) && IsLocal(from.Host)));
    }

    private static bool IsFromAProxy(string header) =>
        header.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase) || header.StartsWith("X-Original-", StringComparison.OrdinalIgnoreCase)
        || header.ToUpperInvariant() is "FORWARDED" or "VIA" or "X-REAL-IP" or "X-CLIENT-IP" or "CF-CONNECTING-IP" or "TRUE-CLIENT-IP";

    private static bool IsLocal(string host) => host is "localhost" or "127.0.0.1" or "[::1]";
}

/// <param name="Streams"><c>"*"</c> for every stream, or an array of ids; absent for every public stream.</param>
internal sealed record DevTokenRequest(string? Sub, string? Role, JsonElement? Streams, int? TtlSeconds);

internal sealed record DevToken(string Token, DateTimeOffset ExpiresAt);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, Converters = [typeof(TimestampConverter)])]
[JsonSerializable(typeof(DevTokenRequest))]
[JsonSerializable(typeof(DevToken))]
internal sealed partial class DevTokensJson : JsonSerializerContext;
