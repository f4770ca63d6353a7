using System.Text.Json.Serialization;

namespace Nova.Protocol;

/// <summary>Where a broadcast stands. <see cref="Ended"/> is terminal: a new broadcast is a new stream (S43).</summary>
[JsonConverter(typeof(WireNameConverter<StreamStatus>))]
public enum StreamStatus
{
    [JsonStringEnumMemberName("scheduled")] Scheduled,
    [JsonStringEnumMemberName("active")] Active,
    [JsonStringEnumMemberName("ended")] Ended,
}

[JsonConverter(typeof(WireNameConverter<StreamVisibility>))]
public enum StreamVisibility
{
    [JsonStringEnumMemberName("public")] Public,
    [JsonStringEnumMemberName("private")] Private,
}

[JsonConverter(typeof(WireNameConverter<StreamQuality>))]
public enum StreamQuality
{
    [JsonStringEnumMemberName("720p")] P720,
    [JsonStringEnumMemberName("1080p")] P1080,
    [JsonStringEnumMemberName("4k")] P4K,
    [JsonStringEnumMemberName("auto")] Auto,
}

[JsonConverter(typeof(WireNameConverter<QualityChangeReason>))]
public enum QualityChangeReason
{
    [JsonStringEnumMemberName("adaptive_bitrate")] AdaptiveBitrate,
    [JsonStringEnumMemberName("broadcaster_changed")] BroadcasterChanged,
    [JsonStringEnumMemberName("network_congestion")] NetworkCongestion,
    [JsonStringEnumMemberName("quality_degradation")] QualityDegradation,
}

[JsonConverter(typeof(WireNameConverter<EndReason>))]
public enum EndReason
{
    [JsonStringEnumMemberName("broadcaster_ended")] BroadcasterEnded,
    [JsonStringEnumMemberName("connection_lost")] ConnectionLost,
    [JsonStringEnumMemberName("session_timeout")] SessionTimeout,
    [JsonStringEnumMemberName("error")] Error,
}

[JsonConverter(typeof(WireNameConverter<StreamHealth>))]
public enum StreamHealth
{
    [JsonStringEnumMemberName("excellent")] Excellent,
    [JsonStringEnumMemberName("good")] Good,
    [JsonStringEnumMemberName("fair")] Fair,
    [JsonStringEnumMemberName("poor")] Poor,
}

[JsonConverter(typeof(WireNameConverter<ErrorSeverity>))]
public enum ErrorSeverity
{
    [JsonStringEnumMemberName("info")] Info,
    [JsonStringEnumMemberName("warning")] Warning,
    [JsonStringEnumMemberName("error")] Error,
    [JsonStringEnumMemberName("critical")] Critical,
}

[JsonConverter(typeof(WireNameConverter<IssueType>))]
public enum IssueType
{
    [JsonStringEnumMemberName("buffering")] Buffering,
    [JsonStringEnumMemberName("lag")] Lag,
    [JsonStringEnumMemberName("quality")] Quality,
    [JsonStringEnumMemberName("playback_error")] PlaybackError,
    [JsonStringEnumMemberName("other")] Other,
}

[JsonConverter(typeof(WireNameConverter<IssueSeverity>))]
public enum IssueSeverity
{
    [JsonStringEnumMemberName("low")] Low,
    [JsonStringEnumMemberName("medium")] Medium,
    [JsonStringEnumMemberName("high")] High,
}
