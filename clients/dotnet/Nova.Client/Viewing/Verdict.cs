using System.Globalization;
using System.Text.RegularExpressions;
using Nova.Protocol;

namespace Nova.Client.Viewing;

/// <summary>What a closed or refused socket means: come back after a time at the earliest, or do not.</summary>
/// <param name="Closed">Null: come back.</param>
/// <param name="NeedsToken">With a new token only.</param>
internal sealed partial record Verdict(string Message, TimeSpan RetryAfter = default, bool NeedsToken = false, Closed? Closed = null)
{
    private static readonly TimeSpan Flood = TimeSpan.FromSeconds(30);

    /// <summary>The table "Close codes" of docs/protocol.md.</summary>
    public static Verdict OfClose(int? code, string? reason) => code switch
    {
        (int)CloseCode.Normal => Final(ClosedReason.StreamEnded, reason, "The broadcast has ended", code),
        (int)CloseCode.ProtocolError or (int)CloseCode.UnsupportedData or (int)CloseCode.InvalidPayload or (int)CloseCode.MessageTooBig =>
            Final(ClosedReason.BadRequest, reason, "Nova did not understand a message", code),
        (int)CloseCode.NoLongerAuthorized => Final(ClosedReason.NotAllowed, reason, "You may not watch this stream", code),
        (int)CloseCode.TokenExpired => new("The token has expired", NeedsToken: true),
        (int)CloseCode.PolicyViolation => new(reason ?? "Too many messages", Flood),
        _ => new(string.IsNullOrEmpty(reason) ? "The connection is lost" : reason, TimeSpan.FromMilliseconds(RetryAfterMs(reason))),
    };

    /// <summary>The table "Before the upgrade" of docs/protocol.md.</summary>
    /// <param name="isOfNova">Whether the answer has an <c>error_code</c>.</param>
    public static Verdict OfRefusal(int status, string? detail, TimeSpan retryAfter, bool isOfNova)
    {
        var message = detail ?? $"Something before Nova answered {status}";
        return status switch
        {
            _ when !isOfNova => new(message, retryAfter), // Such as a proxy whose Nova is being replaced: that passes.
            400 => new(message, Closed: new Closed(ClosedReason.BadRequest, message, Status: status)),
            401 => new(message, NeedsToken: true),
            403 => new(message, Closed: new Closed(ClosedReason.NotAllowed, message, Status: status)),
            404 => new(message, Closed: new Closed(ClosedReason.StreamNotFound, message, Status: status)),
            _ => new(message, retryAfter), // 426 would be accepted now; 429 and 503 say when.
        };
    }

    /// <summary>Full jitter: anything from nothing to a bound that doubles from 1 to 30 s. A crowd that lost one gateway comes back spread evenly.</summary>
    public static TimeSpan Backoff(int attempt) => TimeSpan.FromSeconds(Random.Shared.NextDouble() * Math.Min(30, Math.Pow(2, Math.Min(attempt, 5))));

    private static Verdict Final(ClosedReason why, string? reason, string otherwise, int? code)
    {
        var message = string.IsNullOrEmpty(reason) ? otherwise : reason;
        return new(message, Closed: new Closed(why, message, CloseCode: code));
    }

    private static double RetryAfterMs(string? reason) =>
        RetryAfterPattern().Match(reason ?? "") is { Success: true } match ? double.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : 0;

    [GeneratedRegex(@"retry_after_ms=(\d{1,9})")]
    private static partial Regex RetryAfterPattern();
}
