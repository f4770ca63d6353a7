namespace Nova.Protocol;

/// <summary>The <c>event</c> member of every message, both directions.</summary>
public static class EventNames
{
    public const string ConnectionEstablished = "connection_established";
    public const string StreamStarted = "stream_started";
    public const string StreamUpdated = "stream_updated";
    public const string StreamEnded = "stream_ended";
    public const string ViewerCountChanged = "viewer_count_changed";
    public const string QualityChanged = "quality_changed";
    public const string BitrateUpdate = "bitrate_update";
    public const string Error = "error";
    public const string Ping = "ping";
    public const string StreamInfo = "stream_info";
    public const string IssueReceived = "issue_received";
    public const string TokenRefreshed = "token_refreshed";

    public const string Pong = "pong";
    public const string GetStreamInfo = "get_stream_info";
    public const string ReportIssue = "report_issue";
    public const string RefreshToken = "refresh_token";

    /// <summary>Between services only: close this viewer's sockets with <see cref="CloseCode.NoLongerAuthorized"/>, and let none of its in for a while.</summary>
    public const string ViewerKicked = "viewer_removed";

    /// <summary>Between services only: the scheduled stream does not exist any more.</summary>
    public const string StreamDeleted = "stream_deleted";
}
