using Nova.Protocol;
using Nova.ServiceDefaults;

namespace Nova.StreamState.Streams;

public sealed record NewStream(
    Guid StreamId, string BroadcasterId, string BroadcasterName, string Title, string Description, StreamVisibility Visibility);

/// <summary>A stream as it is under its row lock, with its signs of life and the database's clock, the one clock of event times.</summary>
/// <param name="LastSignalAt">Null while the stream is not active, like the two after it.</param>
/// <param name="Watched">A heartbeat was seen, so silence means a lost connection.</param>
public sealed record LockedStream(StreamRecord Stream, DateTimeOffset Now, DateTimeOffset? LastSignalAt, bool Watched, DateTimeOffset? LostAt);

/// <param name="Apply">Gets the numbers as Redis has them, or as last persisted. Null where the stream's status does not allow the change.</param>
/// <param name="MayChange">Asked before anything else; the ingest watch needs nobody's leave.</param>
/// <param name="ExpectedVersion">From <c>If-Match</c>.</param>
internal sealed record StreamChange(
    Func<LockedStream, LiveNumbers, Transition?> Apply,
    IngestSignal Signal,
    Func<StreamRecord, bool>? MayChange = null,
    long? ExpectedVersion = null,
    IdempotentAnswer? Answer = null);

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

internal enum ChangeOutcome
{
    Changed,
    NotFound,
    Forbidden,
    IdTaken,
    VersionMismatch,
    NotAllowed,

    /// <summary>A request with the same Idempotency-Key won the race; nothing was done, its answer is there to be read.</summary>
    AnsweredBefore,
}

/// <param name="Stream">After the change, or as it stands where the change was refused.</param>
/// <param name="Live">Null where Redis could not be asked.</param>
/// <param name="BroadcasterReturned">The stream was waiting for its lost broadcaster, and this was a sign of life.</param>
internal sealed record ChangeResult(ChangeOutcome Outcome, StreamRecord? Stream, LiveNumbers? Live = null, bool BroadcasterReturned = false);

internal sealed record StreamFilter(Caller Caller, StreamStatus? Status, string? BroadcasterId, PageCursor? After);
