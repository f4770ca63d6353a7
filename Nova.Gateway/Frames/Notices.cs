using Nova.Protocol;

namespace Nova.Gateway.Frames;

/// <summary>Every <c>error</c> event that a gateway sends by itself, each written once. Those of the stream come from StreamState.</summary>
internal static class Notices
{
    public static ErrorMessage StreamEnded(DateTimeOffset now) =>
        new(ErrorCodes.StreamEnded, "The stream has ended", ErrorSeverity.Info, Recoverable: false, "Watch another stream", now);

    public static ErrorMessage StreamGone(DateTimeOffset now) =>
        new(ErrorCodes.StreamNotFound, "The stream no longer exists", ErrorSeverity.Critical, Recoverable: false, "Watch another stream", now);

    public static ErrorMessage UpdatesDelayed(DateTimeOffset now) =>
        new(ErrorCodes.ServerError, "Live updates are delayed", ErrorSeverity.Warning, Recoverable: true, "None, updates resume by themselves", now);

    public static ErrorMessage Kicked(DateTimeOffset now) =>
        new(ErrorCodes.Unauthorized, "You may no longer watch this stream", ErrorSeverity.Critical, Recoverable: false, "Watch another stream", now);

    public static ErrorMessage TokenExpiring(DateTimeOffset now) =>
        new(ErrorCodes.Unauthorized, "The token is about to expire", ErrorSeverity.Warning, Recoverable: true, "Send refresh_token, or reconnect with a new token", now);

    public static ErrorMessage TokenExpired(DateTimeOffset now) =>
        new(ErrorCodes.Unauthorized, "The token has expired", ErrorSeverity.Critical, Recoverable: false, "Reconnect with a new token", now);

    public static ErrorMessage TokenRejected(string error, DateTimeOffset now) =>
        new(ErrorCodes.Unauthorized, error, ErrorSeverity.Error, Recoverable: true, "Send a valid token of the same viewer", now);

    public static ErrorMessage RateLimited(DateTimeOffset now) =>
        new(ErrorCodes.RateLimited, "Too many messages; some were ignored", ErrorSeverity.Warning, Recoverable: true, "Send fewer messages", now);

    public static ErrorMessage ReportRejected(DateTimeOffset now) =>
        new(ErrorCodes.ServerError, "The report could not be stored", ErrorSeverity.Warning, Recoverable: true, "Send it again later", now);

    /// <summary>The connection closes after it.</summary>
    public static ErrorMessage MalformedMessage(string error, DateTimeOffset now) =>
        new(ErrorCodes.ProtocolError, error, ErrorSeverity.Error, Recoverable: false, "Fix the client; reconnecting will not help", now);

    /// <summary>The connection stays (S5).</summary>
    public static ErrorMessage WrongValue(string error, DateTimeOffset now) =>
        new(ErrorCodes.ProtocolError, error, ErrorSeverity.Error, Recoverable: true, "Correct the value and send the message again", now);
}
