using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Nova.ServiceDefaults.Http;

namespace Nova.ServiceDefaults.Security;

public enum CallerRole
{
    Viewer,
    Broadcaster,
    Operator,
}

/// <summary>Who sent a request, read once from the validated token (PROTOCOL.md 3.1). Handlers take it as a parameter.</summary>
/// <param name="Streams">The ids the token is limited to; null where the claim is absent (every public stream) or <c>"*"</c>.</param>
/// <param name="AllStreams">The claim is <c>"*"</c>: private streams too.</param>
/// <param name="ViewerIdClaim">The <c>viewer_id</c> claim as it came.</param>
/// <param name="ExpiresAt">The <c>exp</c> claim.</param>
public sealed record Caller(
    string Subject, CallerRole Role, IReadOnlySet<Guid>? Streams, bool AllStreams, string? ViewerIdClaim, DateTimeOffset ExpiresAt)
{
    /// <summary>Of the <c>sub</c> claim, and so of a broadcaster's id everywhere.</summary>
    public const int MaxSubjectLength = 256;

    /// <summary>The end of the year 9999, as a date in a token.</summary>
    private const long LastSecond = 253_402_300_799;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>Whether this caller may watch a stream. Its own broadcaster may; an operator may watch all.</summary>
    public bool MayWatch(Guid streamId, bool isPrivate, string broadcasterId) =>
        MayPublish(broadcasterId) || AllStreams || (Streams is null ? !isPrivate : Streams.Contains(streamId));

    /// <summary>Whether this caller may change a stream of that broadcaster (S42).</summary>
    public bool MayPublish(string broadcasterId) => Role switch
    {
        CallerRole.Operator => true,
        CallerRole.Broadcaster => Subject == broadcasterId,
        _ => false,
    };

    /// <summary>Minimal APIs call this to fill a handler's parameter; endpoints with one require authorization.</summary>
    public static ValueTask<Caller> BindAsync(HttpContext context) => ValueTask.FromResult(Of(context));

    public static Caller Of(HttpContext context) =>
        context.Features.Get<Caller>() ?? throw new InvalidOperationException("The endpoint does not require authorization.");

    /// <param name="token">Signature, issuer, audience and lifetime are checked already.</param>
    /// <param name="latestIssue">A token issued after this comes from the future.</param>
    /// <exception cref="FormatException">A claim has a form that means nothing; its message names the claim.</exception>
    internal static Caller From(JsonWebToken token, DateTimeOffset latestIssue)
    {
        // The payload itself, not ClaimsIdentity: there an empty streams array (allows none) and an absent one (allows all) look the same.
        using var payload = Parse(token);
        var claims = payload.RootElement;
        var expires = TimeOf(claims, "exp") ?? throw new FormatException("the exp claim is missing");
        TimeOf(claims, "nbf");
        if (TimeOf(claims, "iat") > latestIssue)
        {
            throw new FormatException("the iat claim lies in the future");
        }

        var subject = claims.TryGetProperty("sub", out var sub) && sub.ValueKind == JsonValueKind.String ? sub.GetString() : null;
        if (subject is not { Length: > 0 and <= MaxSubjectLength } || subject.Contains('\0'))
        {
            throw new FormatException($"the sub claim is not a string of 1 to {MaxSubjectLength} characters");
        }

        var (streams, all) = StreamsOf(claims);
        var viewerId = claims.TryGetProperty("viewer_id", out var claim) && claim.ValueKind == JsonValueKind.String ? claim.GetString() : null;
        return new Caller(subject, RoleOf(claims), streams, all, viewerId, expires);
    }

    private static JsonDocument Parse(JsonWebToken token)
    {
        try
        {
            return JsonDocument.Parse(Base64UrlEncoder.DecodeBytes(token.EncodedPayload), Strict);
        }
        catch (JsonException)
        {
            throw new FormatException("its claims are not a JSON object, or one stands twice");
        }
    }

    /// <summary>Seconds since 1970 as a whole number; whoever writes times otherwise may mean something else.</summary>
    private static DateTimeOffset? TimeOf(JsonElement claims, string name) =>
        !claims.TryGetProperty(name, out var claim) ? null
        : claim.ValueKind == JsonValueKind.Number && claim.TryGetInt64(out var seconds) && seconds is >= 0 and <= LastSecond
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : throw new FormatException($"the {name} claim is not a whole number of seconds since 1970");

    private static CallerRole RoleOf(JsonElement claims)
    {
        if (!claims.TryGetProperty("role", out var role))
        {
            return CallerRole.Viewer;
        }

        return (role.ValueKind == JsonValueKind.String ? role.GetString() : null) switch
        {
            "viewer" => CallerRole.Viewer,
            "broadcaster" => CallerRole.Broadcaster,
            "operator" => CallerRole.Operator,
            _ => throw new FormatException("the role claim is none of viewer, broadcaster, operator"),
        };
    }

    private static (IReadOnlySet<Guid>? Streams, bool All) StreamsOf(JsonElement claims)
    {
        if (!claims.TryGetProperty("streams", out var streams))
        {
            return (null, false);
        }

        if (streams.ValueKind == JsonValueKind.String && streams.ValueEquals("*"))
        {
            return (null, true);
        }

        if (streams.ValueKind != JsonValueKind.Array)
        {
            throw new FormatException("the streams claim is neither \"*\" nor an array of ids");
        }

        var ids = new HashSet<Guid>();
        foreach (var item in streams.EnumerateArray())
        {
            if (item.ValueKind == JsonValueKind.String && item.ValueEquals("*"))
            {
                return (null, true);
            }

            ids.Add(item.ValueKind == JsonValueKind.String && Uuid.TryParse(item.GetString(), out var id)
                ? id
                : throw new FormatException("the streams claim holds something that is no stream id"));
        }

        return (ids, false);
    }
}
