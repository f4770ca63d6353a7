namespace Nova.Client;

/// <summary>Why a viewer is closed for good.</summary>
public enum ClosedReason
{
    /// <summary>The broadcast is over; <see cref="ViewerState.Ended"/> has its numbers.</summary>
    StreamEnded,

    /// <summary>There is no such stream, or it was deleted before its start.</summary>
    StreamNotFound,

    /// <summary>Kicked, or the stream is private.</summary>
    NotAllowed,

    /// <summary>Nova refused several tokens of the provider in a row.</summary>
    TokenRefused,

    /// <summary>Nova did not understand the request or a message.</summary>
    BadRequest,

    /// <summary>The viewer was disposed of.</summary>
    Disconnected,
}

/// <param name="Message">A sentence for people, in English.</param>
/// <param name="CloseCode">The socket's close code, where it was open.</param>
/// <param name="Status">The HTTP status of the refusal, where it was not.</param>
public sealed record Closed(ClosedReason Reason, string Message, int? CloseCode = null, int? Status = null);

/// <summary>The viewer is closed for good and cannot answer.</summary>
public sealed class NovaClosedException(Closed closed) : Exception(closed.Message)
{
    public Closed Closed => closed;
}
