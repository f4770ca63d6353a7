using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Nova.ServiceDefaults;

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
public sealed record Caller(
    string Subject, CallerRole Role, IReadOnlySet<Guid>? Streams, bool AllStreams, string? ViewerIdClaim)
{
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

    /// <exception cref="FormatException">A claim has a form that means nothing; its message names the claim.</exception>
    internal static Caller From(JsonWebToken token)
    {
        if (string.IsNullOrEmpty(token.Subject))
        {
            throw new FormatException("the sub claim is missing");
        }

        // The payload itself, not ClaimsIdentity: there an empty streams array (allows none) and an absent one (allows all) look the same.
        using var payload = JsonDocument.Parse(Base64UrlEncoder.DecodeBytes(token.EncodedPayload));
        var claims = payload.RootElement;
        var (streams, all) = StreamsOf(claims);
        var viewerId = claims.TryGetProperty("viewer_id", out var claim) && claim.ValueKind == JsonValueKind.String ? claim.GetString() : null;
        return new Caller(token.Subject, RoleOf(claims), streams, all, viewerId);
    }

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

            ids.Add(item.ValueKind == JsonValueKind.String && Guid.TryParseExact(item.GetString(), "D", out var id)
                ? id
                : throw new FormatException("the streams claim holds something that is no stream id"));
        }

        return (ids, false);
    }
}
