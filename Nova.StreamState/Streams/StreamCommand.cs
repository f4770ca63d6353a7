using Nova.Protocol;
using Nova.StreamState.Presence;

namespace Nova.StreamState.Streams;

/// <summary>A stream as it is under its row lock, with its broadcaster's liveness and the database's clock, the one clock of event times.</summary>
/// <param name="LastSignalAt">Null while the stream is not active, like the two after it.</param>
/// <param name="Watched">A heartbeat was seen, so silence means a lost connection.</param>
public sealed record LockedStream(StreamRecord Stream, DateTimeOffset Now, DateTimeOffset? LastSignalAt, bool Watched, DateTimeOffset? LostAt);

/// <summary>What a change says about the broadcaster.</summary>
internal enum IngestSignal
{
    None,

    /// <summary>Its ingest works: where it was lost, it is back.</summary>
    Alive,

    /// <summary>Its tools are there, which says nothing about the ingest (an error report, say).</summary>
    Heard,

    Lost,
    Returned,
}

/// <summary>One change of one stream: what it does under the row lock, and how it is answered.</summary>
internal abstract record StreamCommand
{
    public virtual IngestSignal Signal => IngestSignal.Alive;

    /// <summary>What the change waits for the viewers' numbers in Redis.</summary>
    public virtual TimeSpan Patience => PresenceReader.Patience;

    public virtual int Status => StatusCodes.Status200OK;

    /// <param name="totals">As Redis has them, or as last persisted.</param>
    /// <returns>Null where the stream's status does not allow the change.</returns>
    public abstract Transition? Apply(LockedStream locked, PresenceTotals totals);

    /// <summary>The body of the answer; null where it has none.</summary>
    /// <param name="totals">Null where Redis could not be asked.</param>
    public virtual object? Answer(StreamRecord stream, PresenceTotals? totals, DateTimeOffset now) => StreamResource.From(stream, totals, now);
}

internal sealed record UpdateCommand(UpdateStream Update) : StreamCommand
{
    public override IngestSignal Signal => IngestSignal.Heard;

    public override Transition? Apply(LockedStream locked, PresenceTotals totals) => StreamLifecycle.Update(locked.Stream, Update, locked.Now);
}

internal sealed record DeleteCommand : StreamCommand
{
    public override IngestSignal Signal => IngestSignal.None;

    public override int Status => StatusCodes.Status204NoContent;

    public override Transition? Apply(LockedStream locked, PresenceTotals totals) => StreamLifecycle.Delete(locked.Stream, locked.Now);

    public override object? Answer(StreamRecord stream, PresenceTotals? totals, DateTimeOffset now) => null;
}

internal sealed record StartCommand(StartStream Start) : StreamCommand
{
    public override Transition? Apply(LockedStream locked, PresenceTotals totals) => StreamLifecycle.Start(locked.Stream, Start, totals.ViewerCount, locked.Now);
}

internal sealed record ChangeQualityCommand(ChangeQuality Change) : StreamCommand
{
    public override Transition? Apply(LockedStream locked, PresenceTotals totals) => StreamLifecycle.ChangeQuality(locked.Stream, Change, locked.Now);
}

internal sealed record PublishErrorCommand(PublishError Error) : StreamCommand
{
    /// <summary>A lost connection is a state, whoever found it (S56): the grace runs, and the next sign of life ends it.</summary>
    public override IngestSignal Signal => Error.ErrorCode == ErrorCodes.RtmpConnectionLost ? IngestSignal.Lost : IngestSignal.Heard;

    public override int Status => StatusCodes.Status202Accepted;

    public override Transition? Apply(LockedStream locked, PresenceTotals totals) => StreamLifecycle.ReportError(locked.Stream, Error, locked.Now);

    public override object? Answer(StreamRecord stream, PresenceTotals? totals, DateTimeOffset now) => new Accepted(stream.StreamId, stream.Version);
}

internal sealed record EndCommand(EndReason Reason) : StreamCommand
{
    public override IngestSignal Signal => IngestSignal.None;

    /// <summary>Its numbers are final, so they are worth a moment where Redis is slow; one that hangs is not asked.</summary>
    public override TimeSpan Patience => TimeSpan.FromSeconds(1);

    public override Transition? Apply(LockedStream locked, PresenceTotals totals) => StreamLifecycle.End(locked.Stream, Reason, totals, locked.Now);
}

internal sealed record KickCommand(Guid ViewerId, TimeSpan Duration) : StreamCommand
{
    public override IngestSignal Signal => IngestSignal.Heard;

    public override int Status => StatusCodes.Status202Accepted;

    public override Transition? Apply(LockedStream locked, PresenceTotals totals) => StreamLifecycle.KickViewer(locked.Stream, ViewerId, Duration, locked.Now);

    public override object? Answer(StreamRecord stream, PresenceTotals? totals, DateTimeOffset now) => new ViewerKicked(stream.StreamId, ViewerId, stream.Version);
}
