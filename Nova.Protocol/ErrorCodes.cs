namespace Nova.Protocol;

/// <summary>Machine-readable codes of <c>error</c> events and of the REST APIs' problem bodies.</summary>
public static class ErrorCodes
{
    public const string StreamNotFound = "STREAM_NOT_FOUND";
    public const string StreamEnded = "STREAM_ENDED";
    public const string ConnectionRejected = "CONNECTION_REJECTED";
    public const string ProtocolError = "PROTOCOL_ERROR";
    public const string ServerError = "SERVER_ERROR";
    public const string RtmpConnectionLost = "RTMP_CONNECTION_LOST";

    /// <summary>The lost connection is back within the grace (S56); severity info.</summary>
    public const string RtmpConnectionRestored = "RTMP_CONNECTION_RESTORED";

    public const string RtmpHandshakeFailed = "RTMP_HANDSHAKE_FAILED";
    public const string BufferOverflow = "BUFFER_OVERFLOW";
    public const string Unauthorized = "UNAUTHORIZED";
    public const string RateLimited = "RATE_LIMITED";

    /// <summary>The viewer fell behind and lost events (S23). Not <see cref="BufferOverflow"/>, which is about ingest.</summary>
    public const string MessagesDropped = "MESSAGES_DROPPED";

    /// <summary>REST only: a body, query or header that cannot be used; <c>errors</c> names each field.</summary>
    public const string InvalidRequest = "INVALID_REQUEST";

    /// <summary>REST only: there is nothing at this address.</summary>
    public const string NotFound = "NOT_FOUND";

    /// <summary>REST only: the address knows other methods.</summary>
    public const string MethodNotAllowed = "METHOD_NOT_ALLOWED";

    /// <summary>REST only: the viewer's id is no UUID.</summary>
    public const string ViewerNotFound = "VIEWER_NOT_FOUND";

    /// <summary>REST only: the lifecycle does not allow this; <c>stream_status</c> says where the stream stands.</summary>
    public const string InvalidTransition = "INVALID_TRANSITION";

    /// <summary>REST only: <c>If-Match</c> names a version that is not the current one.</summary>
    public const string VersionMismatch = "VERSION_MISMATCH";

    /// <summary>REST only: the <c>stream_id</c> the caller chose is taken.</summary>
    public const string StreamExists = "STREAM_EXISTS";

    /// <summary>REST only: the same <c>Idempotency-Key</c> came with a different request.</summary>
    public const string IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED";
}
