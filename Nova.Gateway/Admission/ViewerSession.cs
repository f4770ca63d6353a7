using Nova.Gateway.Feed;
using Nova.Gateway.Frames;
using Nova.Gateway.Issues;
using Nova.Gateway.Presence;
using Nova.Gateway.Viewers;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Security;

namespace Nova.Gateway.Admission;

/// <summary>What one viewer's messages do, and what it joins and leaves.</summary>
internal sealed class ViewerSession(
    StreamFeed feed, FeedSupervisor supervisor, ViewerCounts counts, IssueForwarder issues, TokenValidator tokens, ViewerDependencies dependencies) : IViewerHandler
{
    /// <summary>Greets the viewer, brings it up to date and lets events through.</summary>
    public void Join(ViewerConnection viewer)
    {
        feed.Room.Join(viewer, PreparedFrame.Of(new ConnectionEstablished(
            viewer.StreamId, viewer.ViewerId, viewer.SessionId, Limits.ProtocolVersion, dependencies.Time.GetUtcNow())));
        viewer.Start();
        counts.Changed(feed);
        if (supervisor.IsLost(feed) && feed.Room.Status != StreamStatus.Ended)
        {
            viewer.Send(PreparedFrame.Of(Notices.UpdatesDelayed(dependencies.Time.GetUtcNow()))); // The others were told before it came.
        }

        if (feed.Room.IsKicked(viewer.ViewerId) || (feed.Room.IsPrivate && !viewer.Token.MayWatchPrivate))
        {
            viewer.Kick(dependencies.Time.GetUtcNow()); // It came in while the room was looking for it.
        }
    }

    public void OnLeaving(ViewerConnection viewer)
    {
        if (feed.Room.Leave(viewer))
        {
            counts.Changed(feed);
        }
    }

    public void OnMessage(ViewerConnection viewer, ReadOnlyMemory<byte> message)
    {
        var parsed = ClientMessageParser.Parse(message);
        if (parsed is not ClientMessage.Invalid { Fatal: true })
        {
            viewer.Clock.OnMessage();
        }

        switch (parsed)
        {
            case ClientMessage.Pong pong when viewer.MaySend(EventNames.Pong):
                if (viewer.Clock.OnPong(pong.Sequence) is { } roundTrip)
                {
                    dependencies.Metrics.PingRoundTrip(roundTrip);
                }

                break;
            case ClientMessage.GetStreamInfo get when viewer.MaySend(EventNames.GetStreamInfo):
                viewer.Send(PreparedFrame.Of(feed.Room.Describe(get.RequestId)));
                break;
            case ClientMessage.ReportIssue report when viewer.MaySend(EventNames.ReportIssue):
                issues.Accept(viewer, report);
                break;
            case ClientMessage.RefreshToken refresh when viewer.MaySend(EventNames.RefreshToken):
                _ = RefreshAsync(viewer, refresh.Token);
                break;
            case ClientMessage.Invalid invalid:
                Refuse(viewer, invalid);
                break;
        }
    }

    private void Refuse(ViewerConnection viewer, ClientMessage.Invalid invalid)
    {
        var now = dependencies.Time.GetUtcNow();
        if (invalid.Fatal)
        {
            viewer.Close(ViewerClose.Malformed(invalid.Error), PreparedFrame.AnswerOf(Notices.MalformedMessage(invalid.Error, now)));
        }
        else
        {
            viewer.Send(PreparedFrame.AnswerOf(Notices.WrongValue(invalid.Error, now)));
        }
    }

    /// <summary>A new token goes on with the same viewer on the same stream; anything else is a new connection's business (S28).</summary>
    private async Task RefreshAsync(ViewerConnection viewer, string token)
    {
        try
        {
            var (caller, refusal) = await tokens.ValidateAsync(token, CancellationToken.None);
            var room = feed.Room;
            var error = caller is null ? refusal!.Detail
                : caller.Subject != viewer.Token.Subject || ViewerId.From(caller.Subject, caller.ViewerIdClaim) != viewer.ViewerId ? "The token is somebody else's."
                : !caller.MayWatch(room.StreamId, room.IsPrivate, room.BroadcasterId) ? "The token does not allow watching this stream."
                : null;
            if (error is not null)
            {
                viewer.Send(PreparedFrame.AnswerOf(Notices.TokenRejected(error, dependencies.Time.GetUtcNow())));
                return;
            }

            viewer.Token.Renew(caller!, caller!.MayWatch(room.StreamId, isPrivate: true, room.BroadcasterId));
            viewer.Send(PreparedFrame.Of(new TokenRefreshed(caller.ExpiresAt)));
        }
        catch (Exception exception)
        {
            dependencies.Logger.TokenRefreshFailed(exception);
        }
    }
}
