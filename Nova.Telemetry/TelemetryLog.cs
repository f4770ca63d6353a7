namespace Nova.Telemetry;

/// <summary>Every log line of this service.</summary>
internal static partial class TelemetryLog
{
    [LoggerMessage(400, LogLevel.Warning, "QualityDegraded: stream {StreamId}: {Summary}")]
    public static partial void QualityDegraded(this ILogger logger, Guid streamId, string summary);

    [LoggerMessage(401, LogLevel.Information, "QualityRecovered: stream {StreamId}: reports are as few as before again. It was: {Summary}")]
    public static partial void QualityRecovered(this ILogger logger, Guid streamId, string summary);

    [LoggerMessage(402, LogLevel.Warning, "ReportSetAside: report {IssueId} cannot be stored: {Reason}; it is in rejected_issues")]
    public static partial void ReportSetAside(this ILogger logger, Guid issueId, string reason);
}
