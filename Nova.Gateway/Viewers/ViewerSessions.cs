using Microsoft.AspNetCore.Connections.Features;
using Nova.Gateway.Fanout;
using Nova.Gateway.Issues;
using Nova.Gateway.Presence;
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
    private readonly ViewerServices _services;

    // Made once: an idle viewer should not hold delegates of its own.
    private readonly Action<ViewerConnection> _leave;
    private readonly Action<ViewerConnection, ReadOnlyMemory<byte>> _handle;

    public ViewerSessions(
        Admission admission, PingWheel wheel, ViewerCounts counts, IssueForwarder issues, GatewayMetrics metrics, TimeProvider time, ILogger<ViewerSessions> logger)
    {
        _admission = admission;
        _wheel = wheel;
        _counts = counts;
        _issues = issues;
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
        var viewerId = ViewerId.From(caller.Subject, caller.ViewerIdClaim);
        var offersSubProtocol = http.WebSockets.WebSocketRequestedProtocols.Contains(SocketToken.SubProtocol);
        var stream = await Handshake.AcceptAsync(http, offersSubProtocol ? SocketToken.SubProtocol : null);
        if (http.Features.Get<ConnectionHandover>() is { } handover && http.Features.Get<IConnectionSocketFeature>() is { Socket: var socket }
            && http.Features.Get<ITlsHandshakeFeature>() is null && HttpProtocol.IsHttp11(http.Request.Protocol))
        {
            handover.Take(connection => RunAsync(new SocketTransport(connection, socket), viewerId, seat));
        }
        else
        {
            await RunAsync(new StreamTransport(stream, http), viewerId, seat);
        }
    }

    private async Task RunAsync(ViewerTransport transport, Guid viewerId, ViewerSeat seat)
    {
        using var _ = seat;
        var feed = seat.Feed;
        var viewer = new ViewerConnection(transport, feed.Room.StreamId, viewerId, _services, _leave) { Feed = feed };
        _services.Metrics.ConnectionOpened();
        _services.Logger.ViewerJoined(viewer);
        var code = 1006;
        try
        {
            _wheel.Add(viewer);
            feed.Room.Join(viewer, PreparedFrame.Of(new ConnectionEstablished(
                viewer.StreamId, viewerId, viewer.SessionId, Limits.ProtocolVersion, _services.Time.GetUtcNow())));
            viewer.Start();
            _counts.Changed(feed);
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
            case ClientMessage.Pong pong:
                if (viewer.Clock.Ponged(pong.Sequence) is { } roundTrip)
                {
                    _services.Metrics.PingRoundTrip(roundTrip);
                }

                break;
            case ClientMessage.GetStreamInfo get:
                viewer.Send(PreparedFrame.Of(viewer.Feed.Room.Describe(get.RequestId)));
                break;
            case ClientMessage.ReportIssue report:
                _issues.Accept(viewer, report);
                break;
            case ClientMessage.Invalid invalid:
                viewer.Send(PreparedFrame.AnswerOf(new ErrorMessage(
                    ErrorCodes.ProtocolError, invalid.Why, ErrorSeverity.Error, !invalid.Fatal,
                    invalid.Fatal ? "Fix the client; reconnecting will not help" : "Correct the value and send the message again", _services.Time.GetUtcNow())));
                if (invalid.Fatal)
                {
                    viewer.Close(CloseCode.UnsupportedData, invalid.Why);
                }

                break;
        }
    }
}
