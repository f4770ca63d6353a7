using Microsoft.Extensions.Options;

namespace Nova.StreamState;

/// <summary>Configuration section <c>StreamState</c>.</summary>
public sealed class StreamStateOptions
{
    public const string Section = "StreamState";

    /// <summary>How long a broadcaster that sent heartbeats may be silent before RTMP_CONNECTION_LOST is broadcast.</summary>
    public TimeSpan HeartbeatTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a lost broadcaster may take to return before the stream ends with <c>connection_lost</c>.</summary>
    public TimeSpan ReconnectGrace { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a broadcaster that never sent a heartbeat may be silent before the stream ends with <c>session_timeout</c>.</summary>
    public TimeSpan SessionTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// How often silence is looked for and held-back bitrates are broadcast; not longer than <see cref="HeartbeatTimeout"/>.
    /// </summary>
    public TimeSpan IngestCheckInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long viewers of an ended stream still get its final numbers; then it is 404 for them (S11).</summary>
    public TimeSpan EndedRetention { get; set; } = TimeSpan.FromHours(24);

    /// <summary>
    /// How long an ended stream is kept for its broadcaster and for operators; then it is deleted, with everything of it in this database. Not shorter
    /// than <see cref="EndedRetention"/>.
    /// </summary>
    public TimeSpan StreamRetention { get; set; } = TimeSpan.FromDays(90);

    /// <summary>
    /// How long an event waits for Redis before it is deleted. After a day nobody is left who saw the state before it, and whoever comes gets the state as
    /// it is.
    /// </summary>
    public TimeSpan OutboxRetention { get; set; } = TimeSpan.FromHours(24);

    /// <summary>How long what happened to streams is kept for Telemetry: it may be unavailable as long and misses nothing.</summary>
    public TimeSpan TimelineRetention { get; set; } = TimeSpan.FromDays(3);

    /// <summary>How often rows that are past their time are looked for and deleted.</summary>
    public TimeSpan RetentionInterval { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How long an <c>Idempotency-Key</c> is remembered.</summary>
    public TimeSpan IdempotencyRetention { get; set; } = TimeSpan.FromHours(24);

    /// <summary>How long a viewer that was kicked from a stream may not come back.</summary>
    public TimeSpan KickDuration { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How often peak viewers are copied from Redis to PostgreSQL: where Redis loses its data, no older peak is lost.</summary>
    public TimeSpan PeakInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How often the outbox is read although no notification came.</summary>
    public TimeSpan OutboxPollInterval { get; set; } = TimeSpan.FromSeconds(1);
}

internal sealed class ValidateStreamStateOptions : IValidateOptions<StreamStateOptions>
{
    public ValidateOptionsResult Validate(string? name, StreamStateOptions options)
    {
        List<string> errors = [];
        foreach (var (key, value) in new (string, TimeSpan)[]
        {
            (nameof(options.HeartbeatTimeout), options.HeartbeatTimeout),
            (nameof(options.ReconnectGrace), options.ReconnectGrace),
            (nameof(options.SessionTimeout), options.SessionTimeout),
            (nameof(options.IngestCheckInterval), options.IngestCheckInterval),
            (nameof(options.EndedRetention), options.EndedRetention),
            (nameof(options.StreamRetention), options.StreamRetention),
            (nameof(options.OutboxRetention), options.OutboxRetention),
            (nameof(options.TimelineRetention), options.TimelineRetention),
            (nameof(options.RetentionInterval), options.RetentionInterval),
            (nameof(options.IdempotencyRetention), options.IdempotencyRetention),
            (nameof(options.KickDuration), options.KickDuration),
            (nameof(options.PeakInterval), options.PeakInterval),
            (nameof(options.OutboxPollInterval), options.OutboxPollInterval),
        })
        {
            if (value <= TimeSpan.Zero)
            {
                errors.Add($"{StreamStateOptions.Section}:{key} must be longer than zero; it is {value}.");
            }
        }

        if (options.IngestCheckInterval > options.HeartbeatTimeout)
        {
            errors.Add($"{StreamStateOptions.Section}:{nameof(options.IngestCheckInterval)} ({options.IngestCheckInterval}) must not be longer than "
                + $"{nameof(options.HeartbeatTimeout)} ({options.HeartbeatTimeout}).");
        }

        if (options.StreamRetention < options.EndedRetention)
        {
            errors.Add($"{StreamStateOptions.Section}:{nameof(options.StreamRetention)} ({options.StreamRetention}) must not be shorter than "
                + $"{nameof(options.EndedRetention)} ({options.EndedRetention}).");
        }

        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }
}
