namespace Nova.Protocol;

/// <summary>
/// Why a WebSocket closes: PROTOCOL.md 3.4. Reasons are for people and hold at most <see cref="Limits.CloseReasonBytes"/> bytes.
/// </summary>
public enum CloseCode
{
    /// <summary>After <c>stream_ended</c>, or the answer to the client's own close. Do not reconnect.</summary>
    Normal = 1000,

    /// <summary>The gateway drains. Reconnect after the delay in the reason.</summary>
    GoingAway = 1001,

    /// <summary>Framing error. Do not reconnect.</summary>
    ProtocolError = 1002,

    /// <summary>Invalid JSON, a missing required field, an unknown event or a binary message. Do not reconnect.</summary>
    UnsupportedData = 1003,

    /// <summary>Text that is not UTF-8. Do not reconnect.</summary>
    InvalidPayload = 1007,

    /// <summary>A persistent flood. Reconnect after 30 s or more.</summary>
    PolicyViolation = 1008,

    /// <summary>A message over <see cref="Limits.MaxMessageBytes"/>. Do not reconnect.</summary>
    MessageTooBig = 1009,

    /// <summary>A fault of Nova's. Reconnect with backoff.</summary>
    InternalError = 1011,

    /// <summary>Shed under overload. Reconnect after the delay in the reason.</summary>
    TryAgainLater = 1013,

    /// <summary>The token expired. Reconnect with a new one.</summary>
    TokenExpired = 4401,

    /// <summary>The viewer may no longer watch. Reconnect only with a new token.</summary>
    NoLongerAuthorized = 4403,

    /// <summary>60 s without a message from the viewer. Reconnect.</summary>
    IdleTimeout = 4408,
}
