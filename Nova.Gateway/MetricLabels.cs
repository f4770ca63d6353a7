namespace Nova.Gateway;

/// <summary>Why a channel message was not forwarded.</summary>
internal enum FeedIgnored
{
    /// <summary>Its version has been broadcast before.</summary>
    Repeat,

    /// <summary>It is no message of Nova's, or says what cannot be.</summary>
    Garbage,

    /// <summary>More waited than a feed holds; the gap is repaired from the snapshot.</summary>
    Overflow,
}

/// <summary>Why a snapshot is read again.</summary>
internal enum ResyncCause
{
    /// <summary>A version was skipped.</summary>
    Gap,

    /// <summary>Redis is back.</summary>
    Reconnect,

    /// <summary>Redis knows a version that the channel did not bring.</summary>
    Missed,
}

/// <summary>What became of an issue report.</summary>
internal enum IssueResult
{
    Accepted,

    /// <summary>The queue was full.</summary>
    Refused,

    Stored,

    /// <summary>Telemetry will never take it.</summary>
    Rejected,

    /// <summary>The gateway stopped before Telemetry had it; the viewer was told.</summary>
    HandedBack,
}

/// <summary>Why a session ended.</summary>
internal enum CloseCause
{
    /// <summary>The viewer closed it.</summary>
    Client,

    /// <summary>The connection broke.</summary>
    Broken,

    StreamEnded,
    StreamGone,
    Kicked,
    TokenExpired,
    Idle,
    Flood,
    Drain,

    /// <summary>The viewer took less than it was sent.</summary>
    FellBehind,

    /// <summary>A message that is not the protocol's.</summary>
    Malformed,

    /// <summary>A frame that is not RFC 6455's.</summary>
    Violation,
}

internal static class MetricLabels
{
    public static string Label(this FeedIgnored reason) => reason switch
    {
        FeedIgnored.Repeat => "repeat",
        FeedIgnored.Garbage => "garbage",
        _ => "overflow",
    };

    public static string Label(this ResyncCause cause) => cause switch
    {
        ResyncCause.Gap => "gap",
        ResyncCause.Reconnect => "reconnect",
        _ => "missed",
    };

    public static string Label(this CloseCause cause) => cause switch
    {
        CloseCause.Client => "client",
        CloseCause.Broken => "broken",
        CloseCause.StreamEnded => "stream_ended",
        CloseCause.StreamGone => "stream_gone",
        CloseCause.Kicked => "kicked",
        CloseCause.TokenExpired => "token_expired",
        CloseCause.Idle => "idle",
        CloseCause.Flood => "flood",
        CloseCause.Drain => "drain",
        CloseCause.FellBehind => "fell_behind",
        CloseCause.Malformed => "malformed",
        _ => "violation",
    };

    public static string Label(this IssueResult result) => result switch
    {
        IssueResult.Accepted => "accepted",
        IssueResult.Refused => "refused",
        IssueResult.Stored => "stored",
        IssueResult.Rejected => "rejected",
        _ => "handed_back",
    };
}
