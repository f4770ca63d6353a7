using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Nova.Gateway.Feed;
using Nova.Gateway.Issues;
using Nova.Gateway.Presence;
using Nova.Gateway.Viewers;
using Nova.Gateway.WebSockets;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Security;

namespace Nova.Gateway.Admission;

/// <summary>Runs viewers' sessions from 101 to their end.</summary>
internal sealed class ViewerSessions(
    AdmissionControl admission, ViewerTimerWheel wheel, FeedSupervisor supervisor, ViewerCounts counts, IssueForwarder issues, TokenValidator tokens, GatewayMetrics metrics,
    TimeProvider time, ILogger<ViewerSessions> logger)
{
    private readonly ViewerDependencies _dependencies = new(metrics, time, logger);

    /// <summary>Everybody connected now.</summary>
    public IReadOnlyCollection<ViewerConnection> Open => wheel.Viewers;

    /// <summary>
    /// Answers the upgrade. Over plain TCP the session then goes on after the request, with nothing of HTTP left in memory; else within it.
    /// </summary>
    /// <param name="seat">Held until the viewer has gone.</param>
    public async Task AcceptAsync(HttpContext http, Caller caller, ViewerSeat seat)
    {
        var room = seat.Feed.Room;
        var token = new ViewerToken(caller, caller.MayWatch(room.StreamId, isPrivate: true, room.BroadcasterId), time);
        var offersSubProtocol = http.WebSockets.WebSocketRequestedProtocols.Contains(SocketToken.SubProtocol);
        var stream = await Handshake.AcceptAsync(http, offersSubProtocol ? SocketToken.SubProtocol : null);
        http.Features.Get<PendingConnections.Slot>()?.Release();
        http.Features.Get<IHttpMetricsTagsFeature>()?.MetricsDisabled = true; // A duration of hours says nothing about requests.
        if (http.Features.Get<ConnectionHandover>() is { } handover && http.Features.Get<IConnectionSocketFeature>() is { Socket: var socket }
            && http.Features.Get<ITlsHandshakeFeature>() is null && HttpProtocol.IsHttp11(http.Request.Protocol))
        {
            handover.Detach(connection => RunOnSocketAsync(connection, socket, token, seat));
        }
        else
        {
            await RunAsync(new StreamTransport(stream, http), token, seat);
        }
    }

    private async Task RunOnSocketAsync(ConnectionContext connection, Socket socket, ViewerToken token, ViewerSeat seat)
    {
        using var _ = seat;
        SocketTransport transport;
        try
        {
            transport = new SocketTransport(connection, socket);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            return; // It hung up while it was being answered.
        }

        await RunAsync(transport, token, seat);
    }

    private async Task RunAsync(ViewerTransport transport, ViewerToken token, ViewerSeat seat)
    {
        using var _ = seat;
        var session = new ViewerSession(seat.Feed, supervisor, counts, issues, tokens, _dependencies);
        var viewer = new ViewerConnection(transport, seat.Feed.Room.StreamId, seat.ViewerId, _dependencies, session) { Token = token };
        metrics.ConnectionOpened();
        if (logger.IsEnabled(LogLevel.Debug)) // The session's name is made when it is asked for.
        {
            logger.ViewerJoined(viewer.SessionId, viewer.StreamId);
        }

        var (code, cause) = (1006, CloseCause.Broken);
        try
        {
            wheel.Add(viewer);
            session.Join(viewer);
            if (admission.IsDraining)
            {
                viewer.Close(ViewerClose.Drain(retryAfterMs: 0)); // It came in while the drain was looking at who is open.
            }

            (code, cause) = await viewer.ReceiveAsync();
        }
        finally
        {
            wheel.Remove(viewer);
            session.OnLeaving(viewer); // Whatever ended the session: nobody stays in the room or the count without a connection.
            metrics.ConnectionClosed(code, cause);
            if (logger.IsEnabled(LogLevel.Debug))
            {
                logger.ViewerLeft(viewer.SessionId, code);
            }
        }
    }
}
