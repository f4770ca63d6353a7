using Nova.Gateway.Fanout;
using Nova.Gateway.Feed;
using Nova.Gateway.WebSockets;
using Nova.Protocol;
using Nova.ServiceDefaults;

namespace Nova.Gateway.Viewers;

/// <summary>
/// <c>/api/v1/streams/{stream_id}/ws</c>: everything that is decided before 101, in the order of S10. A plain GET gets the same answers, and
/// 426 where an upgrade would succeed, since a browser's WebSocket hides the status from its page (S12).
/// </summary>
internal static class ViewerEndpoint
{
    private const string Route = "/api/v1/streams/{streamId}/ws";

    public static void MapViewers(this WebApplication app)
    {
        app.MapMethods(Route, [HttpMethods.Get, HttpMethods.Head, HttpMethods.Connect], HandleAsync) // CONNECT is HTTP/2's upgrade.
            .RequireAuthorization().WithMetadata(new SocketToken()).ExcludeFromDescription();

        // Anything else must not fall through to the proxy with a token in its query.
        app.Map(Route, () => TypedResults.StatusCode(StatusCodes.Status405MethodNotAllowed)).AllowAnonymous().ExcludeFromDescription();
    }

    private static async Task HandleAsync(
        string streamId, HttpContext http, RoomDirectory rooms, Admission admission, ViewerSessions sessions, GatewayMetrics metrics)
    {
        var caller = Caller.Of(http);
        if (!IsSupported(http.Request.Query["protocol"].ToString()))
        {
            await RefuseAsync(
                http, metrics, StatusCodes.Status400BadRequest, ErrorCodes.ProtocolError, $"Supported protocol versions: {Limits.ProtocolVersion}.");
            return;
        }

        RoomLease? lease;
        try
        {
            lease = Guid.TryParseExact(streamId, "D", out var id) ? await rooms.OpenAsync(id, http.RequestAborted) : null;
        }
        catch (StreamStateUnavailableException)
        {
            http.Response.Headers.RetryAfter = Problems.RetryAfterSeconds();
            await RefuseAsync(
                http, metrics, StatusCodes.Status503ServiceUnavailable, ErrorCodes.ServerError, "Whether this stream exists cannot be found out now; try again.");
            return;
        }

        if (lease is null)
        {
            await RefuseAsync(
                http, metrics, StatusCodes.Status404NotFound, ErrorCodes.StreamNotFound, "There is no stream with this id; check its format, a UUID.");
            return;
        }

        var isSeated = false;
        try
        {
            isSeated = await AdmitAsync(http, caller, lease, admission, sessions, metrics);
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
    private static async Task<bool> AdmitAsync(
        HttpContext http, Caller caller, RoomLease lease, Admission admission, ViewerSessions sessions, GatewayMetrics metrics)
    {
        var room = lease.Feed.Room;
        if (!caller.MayWatch(room.StreamId, room.IsPrivate, room.BroadcasterId))
        {
            await RefuseAsync(http, metrics, StatusCodes.Status403Forbidden, ErrorCodes.Unauthorized, "This token does not allow watching this stream.");
            return false;
        }

        if (!admission.TryEnter())
        {
            http.Response.Headers.RetryAfter = Problems.RetryAfterSeconds();
            await RefuseAsync(
                http, metrics, StatusCodes.Status503ServiceUnavailable, ErrorCodes.ConnectionRejected, "This gateway takes no more viewers now; try again.",
                admission.IsDraining ? "draining" : "at_capacity");
            return false;
        }

        var seat = new ViewerSeat(lease, admission);
        try
        {
            if (Handshake.Check(http) is var (status, detail))
            {
                Handshake.OfferUpgrade(http.Response);
                seat.Dispose();
                await RefuseAsync(http, metrics, status, ErrorCodes.ConnectionRejected, detail);
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

    private static Task RefuseAsync(HttpContext http, GatewayMetrics metrics, int status, string errorCode, string detail, string? reason = null)
    {
        metrics.Refused(status);
        return Problems.WriteAsync(http, status, errorCode, detail, reason);
    }
}
