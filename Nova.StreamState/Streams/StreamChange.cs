using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Security;

namespace Nova.StreamState.Streams;

public sealed record NewStream(
    Guid StreamId, string BroadcasterId, string BroadcasterName, string Title, string Description, StreamVisibility Visibility);

/// <summary>A command, who gives it and on what conditions.</summary>
/// <param name="Caller">Null for Nova itself, which needs no authorization.</param>
internal sealed record StreamChange(StreamCommand Command, Caller? Caller = null, IfMatch IfMatch = default, IdempotencyKey? Key = null);

internal enum ChangeOutcome
{
    Changed,

    /// <summary>The stream is as the call wants it already.</summary>
    Unchanged,
    NotFound,
    Forbidden,
    IdTaken,
    VersionMismatch,
    NotAllowed,

    /// <summary>A request with the same Idempotency-Key won the race; nothing was done, and its answer can be read.</summary>
    Replayed,
}

/// <param name="Stream">After the change, or as it stands where the change was refused.</param>
/// <param name="Answer">Where it was changed, or needed no change.</param>
internal sealed record ChangeResult(ChangeOutcome Outcome, StreamRecord? Stream, StreamResult? Answer = null);

internal sealed record StreamFilter(Caller Caller, StreamStatus? Status, string? BroadcasterId, PageCursor? After);
