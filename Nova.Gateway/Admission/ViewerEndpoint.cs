using System.Net;
using Nova.Gateway.Feed;
using Nova.Gateway.WebSockets;
using Nova.Protocol;
using Nova.ServiceDefaults;

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
            http.Response.Headers.RetryAfter = Problems.RetryAfterSeconds(wait);
            await RefuseAsync(
                http, StatusCodes.Status429TooManyRequests, ErrorCodes.RateLimited, "Too many connection attempts from this address; try again.", "too_many_upgrades");
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
            await RefuseAsync(http, StatusCodes.Status400BadRequest, ErrorCodes.ProtocolError, $"Supported protocol versions: {Limits.ProtocolVersion}.");
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
            http.Response.Headers.RetryAfter = Problems.RetryAfterSeconds();
            await RefuseAsync(
                http, StatusCodes.Status503ServiceUnavailable, ErrorCodes.ServerError, "Whether this stream exists cannot be found out now; try again.");
            return;
        }

        if (lease is null)
        {
            await RefuseAsync(http, StatusCodes.Status404NotFound, ErrorCodes.StreamNotFound, "There is no stream with this id; check its format, a UUID.");
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
        var forbidden = !caller.MayWatch(room.StreamId, room.IsPrivate, room.BroadcasterId) ? "This token does not allow watching this stream."
            : room.IsKicked(viewerId) ? "This viewer was removed from the stream and may not come back yet."
            : !origins.Allows(http.Request) ? "Pages of this origin may not connect here."
            : null;
        if (forbidden is not null)
        {
            await RefuseAsync(http, StatusCodes.Status403Forbidden, ErrorCodes.Unauthorized, forbidden);
            return false;
        }

        var entered = admission.TryEnter(address, viewerId);
        if (entered != AdmissionResult.Entered)
        {
            await RefuseAsync(http, entered);
            return false;
        }

        var seat = new ViewerSeat(lease, admission, address, viewerId);
        try
        {
            if (Handshake.Check(http) is var (status, detail))
            {
                Handshake.OfferUpgrade(http.Response);
                seat.Dispose();
                await RefuseAsync(http, status, ErrorCodes.ConnectionRejected, detail);
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
    private static bool IsSupported(string protocol) => protocol is "" or "1" || protocol.StartsWith("1.", StringComparison.Ordinal);

    private Task RefuseAsync(HttpContext http, AdmissionResult result)
    {
        var (status, detail, reason) = result switch
        {
            AdmissionResult.Draining => (StatusCodes.Status503ServiceUnavailable, "This gateway takes no more viewers now; try again.", "draining"),
            AdmissionResult.AtCapacity => (StatusCodes.Status503ServiceUnavailable, "This gateway takes no more viewers now; try again.", "at_capacity"),
            AdmissionResult.TooManyOfViewer => (StatusCodes.Status429TooManyRequests, "This viewer has too many connections; close one.", "too_many_connections_of_viewer"),
            _ => (StatusCodes.Status429TooManyRequests, "There are too many connections from this address.", "too_many_connections_from_address"),
        };
        http.Response.Headers.RetryAfter = Problems.RetryAfterSeconds();
        return RefuseAsync(http, status, ErrorCodes.ConnectionRejected, detail, reason);
    }

    private Task RefuseAsync(HttpContext http, int status, string errorCode, string detail, string? reason = null)
    {
        metrics.Refused(status);
        return Problems.WriteAsync(http, status, errorCode, detail, reason);
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
        app.Map(Route, (RequestDelegate)(http => Problems.WriteAsync(http, StatusCodes.Status405MethodNotAllowed, "METHOD_NOT_ALLOWED", $"{http.Request.Method} is not possible here.")))
            .ShortCircuit();
    }
}
