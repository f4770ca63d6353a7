using Nova.Protocol;

namespace Nova.Gateway.Viewers;

/// <summary>Every way a session ends, with its close code and the reason for people (PROTOCOL.md 3.4). The cause is the metric's label.</summary>
internal readonly record struct ViewerClose(CloseCause Cause, CloseCode Code, string Reason)
{
    public static readonly ViewerClose ByClient = new(CloseCause.Client, CloseCode.Normal, "");
    public static readonly ViewerClose StreamEnded = new(CloseCause.StreamEnded, CloseCode.Normal, "stream ended");
    public static readonly ViewerClose StreamGone = new(CloseCause.StreamGone, CloseCode.Normal, "stream no longer exists");
    public static readonly ViewerClose Kicked = new(CloseCause.Kicked, CloseCode.NoLongerAuthorized, "no longer authorized");
    public static readonly ViewerClose TokenExpired = new(CloseCause.TokenExpired, CloseCode.TokenExpired, "token expired");
    public static readonly ViewerClose Idle = new(CloseCause.Idle, CloseCode.IdleTimeout, "no message for 60 s");
    public static readonly ViewerClose Flood = new(CloseCause.Flood, CloseCode.PolicyViolation, "too many messages; come back after 30 s");

    public static ViewerClose Drain(int retryAfterMs) => new(CloseCause.Drain, CloseCode.GoingAway, $"drain retry_after_ms={retryAfterMs}");

    public static ViewerClose FellBehind() =>
        new(CloseCause.FellBehind, CloseCode.TryAgainLater, $"fell behind, retry_after_ms={Random.Shared.Next(1000, 5000)}");

    public static ViewerClose Malformed(string error) => new(CloseCause.Malformed, CloseCode.UnsupportedData, error);

    public static ViewerClose Violation(CloseCode code, string error) => new(CloseCause.Violation, code, error);
}
