namespace Nova.StreamState;

/// <summary>Everything this service logs. Ids 100–199.</summary>
internal static partial class StreamStateLog
{
    [LoggerMessage(100, LogLevel.Information, "StreamChanged: {StreamId} is at version {Version} after {EventName}")]
    public static partial void StreamChanged(this ILogger logger, Guid streamId, long version, string eventName);

    [LoggerMessage(101, LogLevel.Information, "StreamCreated: {StreamId}")]
    public static partial void StreamCreated(this ILogger logger, Guid streamId);

    [LoggerMessage(110, LogLevel.Warning, "OutboxOld: the oldest event has waited for {Seconds:F0} s; no relay works on its partition, or Redis does not answer")]
    public static partial void OutboxOld(this ILogger logger, double seconds);

    [LoggerMessage(120, LogLevel.Information, "BroadcasterLost: {StreamId} is silent")]
    public static partial void BroadcasterLost(this ILogger logger, Guid streamId);

    [LoggerMessage(121, LogLevel.Information, "BroadcasterBack: {StreamId} is live again")]
    public static partial void BroadcasterBack(this ILogger logger, Guid streamId);

    [LoggerMessage(122, LogLevel.Information, "OutageForgiven: this service could not listen for {Outage}, so no broadcaster is held silent for it")]
    public static partial void OutageForgiven(this ILogger logger, string outage);
}
