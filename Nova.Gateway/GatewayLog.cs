namespace Nova.Gateway;

/// <summary>Everything this service logs. Ids 200–299. What a viewer caused is Debug; what we failed at is Warning or Error.</summary>
internal static partial class GatewayLog
{
    [LoggerMessage(200, LogLevel.Debug, "ViewerJoined: session {SessionId} on {StreamId}", SkipEnabledCheck = true)]
    public static partial void ViewerJoined(this ILogger logger, string sessionId, Guid streamId);

    [LoggerMessage(201, LogLevel.Debug, "ViewerLeft: session {SessionId}, close code {Code}", SkipEnabledCheck = true)]
    public static partial void ViewerLeft(this ILogger logger, string sessionId, int code);

    [LoggerMessage(202, LogLevel.Error, "ViewerFailed: its connection is closed")]
    public static partial void ViewerFailed(this ILogger logger, Exception exception);

    [LoggerMessage(203, LogLevel.Error, "TokenRefreshFailed: the viewer keeps its old token")]
    public static partial void TokenRefreshFailed(this ILogger logger, Exception exception);

    [LoggerMessage(204, LogLevel.Information, "CapacityLowered: {Capacity} viewers instead of {Configured}, since the system allows {Descriptors} open files; raise that limit (ulimit -n)")]
    public static partial void CapacityLowered(this ILogger logger, int capacity, int configured, int descriptors);

    [LoggerMessage(210, LogLevel.Warning, "SnapshotUnavailable: {StreamId}: {Reason}; trying again")]
    public static partial void SnapshotUnavailable(this ILogger logger, Guid streamId, string reason);

    [LoggerMessage(211, LogLevel.Warning, "RoomFailed: {StreamId}; its feed goes on with the next message")]
    public static partial void RoomFailed(this ILogger logger, Exception exception, Guid streamId);

    [LoggerMessage(212, LogLevel.Warning, "FeedLost: the connection to Redis is gone; viewers stay and are brought up to date when it is back")]
    public static partial void FeedLost(this ILogger logger);

    [LoggerMessage(213, LogLevel.Information, "FeedRestored: {Rooms} streams are brought up to date")]
    public static partial void FeedRestored(this ILogger logger, int rooms);

    [LoggerMessage(214, LogLevel.Warning, "CountsDelayed: {Reason}; they are sent when Redis answers")]
    public static partial void CountsDelayed(this ILogger logger, string reason);

    [LoggerMessage(220, LogLevel.Warning, "IssuesWaiting: Telemetry did not take {Count} reports: {Reason}; trying again")]
    public static partial void IssuesWaiting(this ILogger logger, int count, string reason);

    [LoggerMessage(221, LogLevel.Warning, "IssuesHandedBack: {Count} reports were not stored before this gateway stopped; their viewers are told")]
    public static partial void IssuesHandedBack(this ILogger logger, long count);

    [LoggerMessage(222, LogLevel.Error, "IssuesRefused: {Count} reports cannot be handed over")]
    public static partial void IssuesRefused(this ILogger logger, Exception exception, int count);

    [LoggerMessage(230, LogLevel.Information, "DrainStarted: {Connections} viewers are asked to reconnect elsewhere")]
    public static partial void DrainStarted(this ILogger logger, int connections);

    [LoggerMessage(231, LogLevel.Information, "DrainFinished: {Connections} viewers are left")]
    public static partial void DrainFinished(this ILogger logger, int connections);

    [LoggerMessage(240, LogLevel.Warning, "ProxyFailed: {Service}: {Error} ({Suppressed} before it were not logged)")]
    public static partial void ProxyFailed(this ILogger logger, string service, string error, long suppressed);
}
