using Nova.Protocol;
using Nova.StreamState.Presence;
using Nova.StreamState.Streams;

namespace Nova.StreamState.Ingest;

// Both ask again under the row lock: a change of the stream's state is a sign of life, and one may have come since it was found silent.

/// <summary>A watched broadcaster fell silent.</summary>
internal sealed record LoseCommand(StreamStateOptions Options) : StreamCommand
{
    public override IngestSignal Signal => IngestSignal.Lost;

    public override Transition? Apply(LockedStream locked, PresenceTotals totals) =>
        locked is { Watched: true, LostAt: null } && locked.LastSignalAt < locked.Now - Options.HeartbeatTimeout
            ? StreamLifecycle.ReportError(locked.Stream, PublishError.ConnectionLost, locked.Now)
            : null;
}

/// <summary>A lost broadcaster did not return within the grace, or one without heartbeats was silent for too long.</summary>
internal sealed record EndSilentCommand(StreamStateOptions Options) : StreamCommand
{
    public override IngestSignal Signal => IngestSignal.None;

    public override TimeSpan Patience => TimeSpan.FromSeconds(1); // As in any end: its numbers are final.

    public override Transition? Apply(LockedStream locked, PresenceTotals totals) =>
        ReasonOf(locked) is { } reason ? StreamLifecycle.End(locked.Stream, reason, totals, locked.Now) : null;

    private EndReason? ReasonOf(LockedStream locked) =>
        locked.LostAt < locked.Now - Options.ReconnectGrace ? EndReason.ConnectionLost
        : !locked.Watched && locked.LastSignalAt < locked.Now - Options.SessionTimeout ? EndReason.SessionTimeout
        : null;
}
