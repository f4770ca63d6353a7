using Microsoft.Extensions.Options;

namespace Nova.StreamState;

/// <summary>Configuration section <c>StreamState</c>.</summary>
public sealed class StreamStateOptions
{
    public const string Section = "StreamState";

    /// <summary>Silence of a broadcaster that sent heartbeats, before the lost connection is broadcast.</summary>
    public TimeSpan HeartbeatTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a lost broadcaster may take to return before the stream ends with <c>connection_lost</c>.</summary>
    public TimeSpan ReconnectGrace { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Silence of a broadcaster that never sent a heartbeat, before the stream ends with <c>session_timeout</c>.</summary>
    public TimeSpan SessionTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How often the three above are checked and held-back bitrates leave.</summary>
    public TimeSpan IngestCheckInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long viewers of an ended stream still get its final numbers; then it is 404 for them (S11).</summary>
    public TimeSpan EndedRetention { get; set; } = TimeSpan.FromHours(24);

    /// <summary>How long an ended stream is kept for its broadcaster and for operators; then it is deleted, with everything of it in this database.</summary>
    public TimeSpan StreamRetention { get; set; } = TimeSpan.FromDays(90);

    /// <summary>
    /// How long an event waits for Redis before it is deleted. After a day nobody is left who saw the state before it, and whoever comes gets the state as
    /// it is.
    /// </summary>
    public TimeSpan OutboxRetention { get; set; } = TimeSpan.FromHours(24);

    /// <summary>How long Telemetry may be away and still hear everything that happened.</summary>
    public TimeSpan TimelineRetention { get; set; } = TimeSpan.FromDays(3);

    /// <summary>How often what is past its time is deleted.</summary>
    public TimeSpan RetentionInterval { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How long an <c>Idempotency-Key</c> is remembered.</summary>
    public TimeSpan IdempotencyRetention { get; set; } = TimeSpan.FromHours(24);

    /// <summary>How long a viewer that was kicked from a stream may not come back.</summary>
    public TimeSpan KickDuration { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How often peaks are copied from Redis to Postgres: losing Redis loses no peak older than this.</summary>
    public TimeSpan PeakInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How often the outbox is looked at although no notification came.</summary>
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
