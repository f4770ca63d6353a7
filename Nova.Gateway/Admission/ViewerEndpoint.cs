using System.Net;
using Nova.Gateway.Feed;
using Nova.Gateway.WebSockets;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Security;

namespace Nova.Gateway.Admission;

/// <summary>
/// <c>/api/v1/streams/{stream_id}/ws</c>: everything that is decided before 101, in the order of S10. A plain GET gets the same answers, and
/// 426 where an upgrade would succeed, since a browser's WebSocket hides the status from its page (S12).
/// </summary>
internal sealed class ViewerEndpoint(
    TokenValidator tokens, RoomDirectory rooms, AdmissionControl admission, ClientNetworks networks, OriginList origins, UpgradeRates rates,
    ViewerSessions sessions, GatewayMetrics metrics)
{
    public async Task HandleAsync(HttpContext http)
    {
        var address = networks.Of(http);
        if (!rates.TryTake(address, out var wait)) // First: guessing tokens costs more than counting guesses.
        {
            await RefuseAsync(http, Refusal.TooManyUpgrades, wait);
            return;
        }

        var (token, refusal) = SocketToken.Read(http);
        var caller = default(Caller);
        if (token is not null)
        {
            (caller, refusal) = await tokens.ValidateAsync(token, http.RequestAborted);
        }

        if (caller is null)
        {
            await refusal!.WriteAsync(http);
            metrics.Refused(http.Response.StatusCode);
            return;
        }

        if (!IsSupported(http.Request.Query["protocol"].ToString()))
        {
            await RefuseAsync(http, Refusal.UnsupportedProtocol);
            return;
        }

        await OpenAsync(http, caller, address);
    }

    private async Task OpenAsync(HttpContext http, Caller caller, IPAddress? address)
    {
        RoomDirectory.RoomLease? lease;
        try
        {
            lease = Uuid.TryParse((string?)http.Request.RouteValues["streamId"], out var id) ? await rooms.OpenAsync(id, http.RequestAborted) : null;
        }
        catch (StreamStateUnavailableException)
        {
            await RefuseAsync(http, Refusal.StreamUnknownNow);
            return;
        }

        if (lease is null)
        {
            await RefuseAsync(http, Refusal.StreamNotFound);
            return;
        }

        var isSeated = false;
        try
        {
            isSeated = await AdmitAsync(http, caller, lease, address);
        }
        finally
        {
            if (!isSeated)
            {
                lease.Dispose();
            }
        }
    }

    /// <returns>Whether the viewer's seat has the lease now.</returns>
    private async Task<bool> AdmitAsync(HttpContext http, Caller caller, RoomDirectory.RoomLease lease, IPAddress? address)
    {
        var room = lease.Feed.Room;
        var viewerId = ViewerId.From(caller.Subject, caller.ViewerIdClaim);
        var forbidden = !caller.MayWatch(room.StreamId, room.IsPrivate, room.BroadcasterId) ? Refusal.NotAllowed
            : room.IsKicked(viewerId) ? Refusal.Kicked
            : !origins.Allows(http.Request) ? Refusal.OriginNotAllowed
            : null;
        if (forbidden is not null)
        {
            await RefuseAsync(http, forbidden);
            return false;
        }

        var entered = admission.TryEnter(address, viewerId);
        if (entered != AdmissionResult.Entered)
        {
            await RefuseAsync(http, Refusal.Of(entered));
            return false;
        }

        var seat = new ViewerSeat(lease, admission, address, viewerId);
        try
        {
            if (Handshake.Check(http) is var (status, detail))
            {
                Handshake.OfferUpgrade(http.Response);
                seat.Dispose();
                await RefuseAsync(http, Refusal.NoUpgrade(status, detail));
            }
            else
            {
                await sessions.AcceptAsync(http, caller, seat);
            }
        }
        catch
        {
            seat.Dispose(); // Gone while it was being answered.
            throw;
        }

        return true;
    }

    /// <summary>Any 1.x is served as 1.0, which the greeting says (S27).</summary>
    private static bool IsSupported(string protocol) =>
        protocol is "" or "1" || (protocol.StartsWith("1.", StringComparison.Ordinal) && protocol.Length > 2 && protocol.AsSpan(2).IndexOfAnyExceptInRange('0', '9') < 0);

    private Task RefuseAsync(HttpContext http, Refusal refusal, TimeSpan atLeast = default)
    {
        metrics.Refused(refusal.Status);
        if (refusal.MayRetry)
        {
            http.Response.Headers.RetryAfter = Problems.RetryAfterSeconds(atLeast);
        }

        return Problems.WriteAsync(http, refusal.Status, refusal.ErrorCode, refusal.Detail, refusal.Reason);
    }
}

internal static class ViewerRoutes
{
    private const string Route = "/api/v1/streams/{streamId}/ws";

    /// <summary>Answered by the router itself: a storm of viewers passes no middleware that is not for it.</summary>
    public static void MapViewers(this WebApplication app)
    {
        var endpoint = app.Services.GetRequiredService<ViewerEndpoint>();
        app.MapMethods(Route, [HttpMethods.Get, HttpMethods.Head, HttpMethods.Connect], endpoint.HandleAsync).ShortCircuit(); // CONNECT is HTTP/2's upgrade.

        // Anything else must not fall through to the proxy with a token in its query.
        app.Map(Route, (RequestDelegate)(http => Problems.WriteAsync(http, StatusCodes.Status405MethodNotAllowed, ErrorCodes.MethodNotAllowed, $"{http.Request.Method} is not possible here.")))
            .ShortCircuit();
    }
}
