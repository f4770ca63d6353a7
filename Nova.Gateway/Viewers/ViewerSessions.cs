using System.Collections.Concurrent;
using Nova.Gateway.Fanout;
using Nova.Gateway.Feed;
using Nova.Gateway.Issues;
using Nova.Gateway.Presence;
using Nova.Gateway.WebSockets;
using Nova.Protocol;
using Nova.ServiceDefaults;

namespace Nova.Gateway.Viewers;

/// <summary>Runs a viewer's session from 101 to its end: greeting, state, events out, messages in.</summary>
internal sealed class ViewerSessions(
    Admission admission, PingWheel wheel, ViewerCounts counts, IssueForwarder issues, GatewayMetrics metrics, TimeProvider time, ILogger<ViewerSessions> logger)
{
    private readonly ConcurrentDictionary<ViewerConnection, bool> _open = [];

    /// <summary>Everybody connected now.</summary>
    public ICollection<ViewerConnection> Open => _open.Keys;

    public async Task RunAsync(HttpContext http, Caller caller, StreamFeed feed)
    {
        var room = feed.Room;
        using var socket = new ViewerSocket(await http.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext
        {
            SubProtocol = http.WebSockets.WebSocketRequestedProtocols.Contains(SocketToken.SubProtocol) ? SocketToken.SubProtocol : null,
            KeepAliveInterval = Timeout.InfiniteTimeSpan, // Liveness is judged by application messages only (S3).
        }));
        var viewer = new ViewerConnection(socket, room.StreamId, ViewerId.From(caller.Subject, caller.ViewerIdClaim), metrics, time, logger)
        {
            Leaving = leaving =>
            {
                if (room.Leave(leaving))
                {
                    counts.Changed(feed);
                }
            },
        };

        metrics.ConnectionOpened();
        logger.ViewerJoined(viewer.SessionId, room.StreamId);
        var code = 1006;
        try
        {
            using var onWheel = wheel.Add(viewer);
            room.Join(viewer, PreparedFrame.Of(new ConnectionEstablished(
                room.StreamId, viewer.ViewerId, viewer.SessionId, Limits.ProtocolVersion, time.GetUtcNow())));
            counts.Changed(feed);
            _open.TryAdd(viewer, true);
            if (admission.IsDraining)
            {
                viewer.Close(CloseCode.GoingAway, "drain retry_after_ms=0"); // It came in while the drain was looking at who is open.
            }

            code = await viewer.ReceiveAsync(message => Handle(viewer, room, message));
        }
        finally
        {
            _open.TryRemove(viewer, out _);
            metrics.ConnectionClosed(code);
            logger.ViewerLeft(viewer.SessionId, code);
        }
    }

    private void Handle(ViewerConnection viewer, StreamRoom room, ReadOnlyMemory<byte> bytes)
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
                    metrics.PingRoundTrip(roundTrip);
                }

                break;
            case ClientMessage.GetStreamInfo get:
                viewer.Send(PreparedFrame.Of(room.Describe(get.RequestId)));
                break;
            case ClientMessage.ReportIssue report:
                issues.Accept(viewer, report);
                break;
            case ClientMessage.Invalid invalid:
                viewer.Send(PreparedFrame.AnswerOf(new ErrorMessage(
                    ErrorCodes.ProtocolError, invalid.Why, ErrorSeverity.Error, !invalid.Fatal,
                    invalid.Fatal ? "Fix the client; reconnecting will not help" : "Correct the value and send the message again", time.GetUtcNow())));
                if (invalid.Fatal)
                {
                    viewer.Close(CloseCode.UnsupportedData, invalid.Why);
                }

                break;
        }
    }
}
