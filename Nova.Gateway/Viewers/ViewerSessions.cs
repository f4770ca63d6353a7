using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Nova.Gateway.Fanout;
using Nova.Gateway.Issues;
using Nova.Gateway.Presence;
using Nova.Gateway.Trust;
using Nova.Gateway.WebSockets;
using Nova.Protocol;
using Nova.ServiceDefaults;

namespace Nova.Gateway.Viewers;

/// <summary>Runs a viewer's session from 101 to its end: greeting, state, events out, messages in.</summary>
internal sealed class ViewerSessions
{
    private readonly Admission _admission;
    private readonly PingWheel _wheel;
    private readonly ViewerCounts _counts;
    private readonly IssueForwarder _issues;
    private readonly TokenValidator _tokens;
    private readonly ViewerServices _services;

    // Made once: an idle viewer should not hold delegates of its own.
    private readonly Action<ViewerConnection> _leave;
    private readonly Action<ViewerConnection, ReadOnlyMemory<byte>> _handle;

    public ViewerSessions(
        Admission admission, PingWheel wheel, ViewerCounts counts, IssueForwarder issues, TokenValidator tokens, GatewayMetrics metrics, TimeProvider time,
        ILogger<ViewerSessions> logger)
    {
        _admission = admission;
        _wheel = wheel;
        _counts = counts;
        _issues = issues;
        _tokens = tokens;
        _services = new ViewerServices(metrics, time, logger);
        _leave = Leave;
        _handle = Handle;
    }

    /// <summary>Everybody connected now.</summary>
    public IReadOnlyCollection<ViewerConnection> Open => _wheel.Viewers;

    /// <summary>
    /// Answers the upgrade. Over plain TCP the session then goes on after the request, with nothing of HTTP left in memory; else within it.
    /// </summary>
    /// <param name="seat">Held until the viewer has gone.</param>
    public async Task AcceptAsync(HttpContext http, Caller caller, ViewerSeat seat)
    {
        var token = new ViewerToken(caller, _services.Time);
        var offersSubProtocol = http.WebSockets.WebSocketRequestedProtocols.Contains(SocketToken.SubProtocol);
        var stream = await Handshake.AcceptAsync(http, offersSubProtocol ? SocketToken.SubProtocol : null);
        if (http.Features.Get<ConnectionHandover>() is { } handover && http.Features.Get<IConnectionSocketFeature>() is { Socket: var socket }
            && http.Features.Get<ITlsHandshakeFeature>() is null && HttpProtocol.IsHttp11(http.Request.Protocol))
        {
            handover.Take(connection => RunOnSocketAsync(connection, socket, token, seat));
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
        var feed = seat.Feed;
        var viewer = new ViewerConnection(transport, feed.Room.StreamId, seat.ViewerId, _services, _leave) { Feed = feed, Token = token };
        _services.Metrics.ConnectionOpened();
        _services.Logger.ViewerJoined(viewer);
        var code = 1006;
        try
        {
            _wheel.Add(viewer);
            feed.Room.Join(viewer, PreparedFrame.Of(new ConnectionEstablished(
                viewer.StreamId, viewer.ViewerId, viewer.SessionId, Limits.ProtocolVersion, _services.Time.GetUtcNow())));
            viewer.Start();
            _counts.Changed(feed);
            if (feed.Room.IsRemoved(viewer.ViewerId))
            {
                viewer.Expel(_services.Time.GetUtcNow()); // It came in while the room was looking for it.
            }

            if (_admission.IsDraining)
            {
                viewer.Close(CloseCode.GoingAway, "drain retry_after_ms=0"); // It came in while the drain was looking at who is open.
            }

            code = await viewer.ReceiveAsync(_handle);
        }
        finally
        {
            _wheel.Remove(viewer);
            _services.Metrics.ConnectionClosed(code);
            _services.Logger.ViewerLeft(viewer, code);
        }
    }

    private void Leave(ViewerConnection viewer)
    {
        if (viewer.Feed.Room.Leave(viewer))
        {
            _counts.Changed(viewer.Feed);
        }
    }

    private void Handle(ViewerConnection viewer, ReadOnlyMemory<byte> bytes)
    {
        var message = ClientMessageParser.Parse(bytes);
        if (message is not ClientMessage.Invalid { Fatal: true })
        {
            viewer.Clock.Heard();
        }

        switch (message)
        {
            case ClientMessage.Pong pong when viewer.MaySend(EventNames.Pong):
                if (viewer.Clock.Ponged(pong.Sequence) is { } roundTrip)
                {
                    _services.Metrics.PingRoundTrip(roundTrip);
                }

                break;
            case ClientMessage.GetStreamInfo get when viewer.MaySend(EventNames.GetStreamInfo):
                viewer.Send(PreparedFrame.Of(viewer.Feed.Room.Describe(get.RequestId)));
                break;
            case ClientMessage.ReportIssue report when viewer.MaySend(EventNames.ReportIssue):
                _issues.Accept(viewer, report);
                break;
            case ClientMessage.RefreshToken refresh when viewer.MaySend(EventNames.RefreshToken):
                _ = RefreshAsync(viewer, refresh.Token);
                break;
            case ClientMessage.Invalid invalid:
                var error = PreparedFrame.AnswerOf(new ErrorMessage(
                    ErrorCodes.ProtocolError, invalid.Why, ErrorSeverity.Error, !invalid.Fatal,
                    invalid.Fatal ? "Fix the client; reconnecting will not help" : "Correct the value and send the message again", _services.Time.GetUtcNow()));
                if (invalid.Fatal)
                {
                    viewer.Close(CloseCode.UnsupportedData, invalid.Why, error);
                }
                else
                {
                    viewer.Send(error);
                }

                break;
        }
    }

    /// <summary>A new token goes on with the same viewer on the same stream; anything else is a new connection's business (S28).</summary>
    private async Task RefreshAsync(ViewerConnection viewer, string token)
    {
        try
        {
            var (caller, refusal) = await _tokens.ValidateAsync(token, CancellationToken.None);
            var room = viewer.Feed.Room;
            var complaint = caller is null ? refusal!.Detail
                : caller.Subject != viewer.Token.Subject || ViewerId.From(caller.Subject, caller.ViewerIdClaim) != viewer.ViewerId ? "The token is somebody else's."
                : !caller.MayWatch(room.StreamId, room.IsPrivate, room.BroadcasterId) ? "The token does not allow watching this stream."
                : null;
            if (complaint is not null)
            {
                viewer.Send(PreparedFrame.AnswerOf(new ErrorMessage(
                    ErrorCodes.Unauthorized, complaint, ErrorSeverity.Error, Recoverable: true, "Send a valid token of the same viewer", _services.Time.GetUtcNow())));
                return;
            }

            viewer.Token.Renew(caller!);
            viewer.Send(PreparedFrame.Of(new TokenRefreshed(caller!.ExpiresAt)));
        }
        catch (Exception exception)
        {
            _services.Logger.TokenRefreshFailed(exception);
        }
    }
}
