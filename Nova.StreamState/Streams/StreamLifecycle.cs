using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.StreamState.Presence;

namespace Nova.StreamState.Streams;

/// <summary>A change that the lifecycle allows: the stream after it, and the message to viewers.</summary>
/// <param name="Envelope">Empty where nothing changed.</param>
/// <param name="Kick">Whom the message is about; it goes to gateways only.</param>
/// <param name="Retained">What late joiners get in place of the message.</param>
public sealed record Transition(StreamRecord Stream, string EventName, byte[] Envelope, ViewerKick? Kick = null, byte[]? Retained = null)
{
    public bool IsChange => Envelope.Length > 0;
}

/// <summary>
/// The rules of a broadcast, pure: <c>scheduled → active → ended</c>, ended is terminal (S43). Null means that the stream's status does not
/// allow the change.
/// </summary>
public static class StreamLifecycle
{
    public static Transition? Start(StreamRecord stream, StartStream start, int liveViewers, DateTimeOffset now)
    {
        if (stream.Status != StreamStatus.Scheduled)
        {
            return null;
        }

        var at = EventTime(stream, now);
        var started = Advance(stream, at) with
        {
            Status = StreamStatus.Active,
            Quality = start.Quality,
            Fps = start.Fps,
            BitrateKbps = start.BitrateKbps,
            MaxBitrateKbps = start.MaxBitrateKbps,
            HighestRungKbps = BitrateLadder.MaximumKbps(start.Quality) ?? start.BitrateKbps,
            StartedAt = at,
            PeakViewers = liveViewers, // The broadcast's own peak: who waited and left before it does not count (S16).
            ViewerCount = liveViewers,
        };
        return To(started, new StreamStarted(
            stream.StreamId, stream.BroadcasterId, stream.Title, stream.Description, start.Quality, start.Fps, start.BitrateKbps, at));
    }

    /// <summary>Changes what is said about a stream. Nothing happens where it says so already.</summary>
    public static Transition? Update(StreamRecord stream, UpdateStream update, DateTimeOffset now)
    {
        if (stream.Status == StreamStatus.Ended)
        {
            return null;
        }

        var at = EventTime(stream, now);
        var changed = new StreamUpdated(
            stream.StreamId, at, NewOf(stream.Title, update.Title), NewOf(stream.Description, update.Description),
            NewOf(stream.BroadcasterName, update.BroadcasterName), update.Visibility == stream.Visibility ? null : update.Visibility);
        var present = changed.After(new StreamUpdated(stream.StreamId, at, stream.Title, stream.Description, stream.BroadcasterName, stream.Visibility));
        if (changed is { Title: null, Description: null, BroadcasterName: null, Visibility: null })
        {
            return new Transition(stream, EventNames.StreamUpdated, []);
        }

        var updated = Advance(stream, at) with
        {
            Title = present.Title!,
            Description = present.Description!,
            BroadcasterName = present.BroadcasterName!,
            Visibility = present.Visibility!.Value,
        };
        return To(updated, changed) with { Retained = ProtocolJson.Encode(present) };
    }

    /// <summary>A broadcast that has begun is history and stays.</summary>
    public static Transition? Delete(StreamRecord stream, DateTimeOffset now) =>
        stream.Status == StreamStatus.Scheduled ? To(Advance(stream, EventTime(stream, now)), new StreamDeleted(stream.StreamId)) : null;

    public static Transition? ChangeQuality(StreamRecord stream, ChangeQuality change, DateTimeOffset now)
    {
        if (stream.Status != StreamStatus.Active)
        {
            return null;
        }

        var at = EventTime(stream, now);
        var changed = Advance(stream, at) with
        {
            Quality = change.NewQuality,
            BitrateKbps = change.NewBitrateKbps,
            Fps = change.Fps ?? stream.Fps,
            HighestRungKbps = Math.Max(stream.HighestRungKbps, BitrateLadder.MaximumKbps(change.NewQuality) ?? change.NewBitrateKbps),
        };
        return To(changed, new QualityChanged(
            stream.StreamId, stream.Quality, changed.Quality, stream.BitrateKbps, changed.BitrateKbps, changed.Fps, change.Reason, at));
    }

    /// <summary>Tells viewers of an error. Before the start too: a handshake fails before there is anything to start.</summary>
    public static Transition? ReportError(StreamRecord stream, PublishError error, DateTimeOffset now)
    {
        if (stream.Status == StreamStatus.Ended)
        {
            return null;
        }

        var at = EventTime(stream, now);
        return To(Advance(stream, at), new ErrorMessage(
            error.ErrorCode, error.ErrorMessage, error.Severity, error.Recoverable, error.SuggestedAction, at));
    }

    /// <summary>Kicks a viewer, for a while. Once the stream has ended there is nothing to be kicked from.</summary>
    public static Transition? KickViewer(StreamRecord stream, Guid viewerId, TimeSpan duration, DateTimeOffset now)
    {
        if (stream.Status == StreamStatus.Ended)
        {
            return null;
        }

        var at = EventTime(stream, now);
        var kick = new ViewerKick(viewerId, at + duration);
        return To(Advance(stream, at), kick) with { Kick = kick };
    }

    public static Transition? End(StreamRecord stream, EndReason reason, PresenceTotals totals, DateTimeOffset now)
    {
        if (stream.Status != StreamStatus.Active)
        {
            return null;
        }

        var at = EventTime(stream, now);
        var ended = Advance(stream, at) with
        {
            Status = StreamStatus.Ended,
            EndedAt = at,
            EndReason = reason,
            PeakViewers = Math.Max(stream.PeakViewers, totals.PeakViewers),
            ViewerCount = totals.ViewerCount,
        };
        return To(ended, new StreamEnded(
            stream.StreamId, ended.DurationSeconds(at), ended.PeakViewers, ended.ViewerCount, reason, at));
    }

    /// <summary>Event times increase within a stream whatever the clock does, so that viewers can order by them (S45).</summary>
    private static DateTimeOffset EventTime(StreamRecord stream, DateTimeOffset now)
    {
        var earliest = stream.LastEventAt.AddMilliseconds(1);
        return (now > earliest ? now : earliest).TruncateToMilliseconds();
    }

    private static string? NewOf(string present, string? update) => update == present ? null : update;

    private static StreamRecord Advance(StreamRecord stream, DateTimeOffset at) =>
        stream with { Version = stream.Version + 1, LastEventAt = at };

    private static Transition To<T>(StreamRecord stream, T message)
        where T : IServerMessage<T> => new(stream, T.EventName, ProtocolJson.Encode(message));
}

/// <summary>Null: stays as it is.</summary>
public sealed record UpdateStream(string? Title, string? Description, string? BroadcasterName, StreamVisibility? Visibility);

public sealed record StartStream(StreamQuality Quality, int Fps, int BitrateKbps, int? MaxBitrateKbps);

public sealed record ChangeQuality(StreamQuality NewQuality, int NewBitrateKbps, int? Fps, QualityChangeReason Reason);

public sealed record PublishError(string ErrorCode, string ErrorMessage, ErrorSeverity Severity, bool Recoverable, string SuggestedAction)
{
    /// <summary>What the ingest watch says when a broadcaster falls silent (S44).</summary>
    public static readonly PublishError ConnectionLost = new(
        ErrorCodes.RtmpConnectionLost, "RTMP broadcaster connection lost", ErrorSeverity.Critical, false, "Refresh page or try again later");

    /// <summary>What it says when the broadcaster is back within the grace.</summary>
    public static readonly PublishError ConnectionRestored = new(
        ErrorCodes.RtmpConnectionRestored, "RTMP broadcaster connection restored", ErrorSeverity.Info, true, "None, the stream goes on");
}
