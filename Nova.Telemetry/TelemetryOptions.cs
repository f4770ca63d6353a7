using Microsoft.Extensions.Options;

namespace Nova.Telemetry;

/// <summary>Configuration section <c>Telemetry</c>.</summary>
public sealed class TelemetryOptions
{
    public const string Section = "Telemetry";

    /// <summary>How long reports and timelines are kept; a report's <c>report_id</c> is remembered as long. Whole UTC days are dropped.</summary>
    public TimeSpan Retention { get; set; } = TimeSpan.FromDays(30);

    /// <summary>How often the tables of coming days are made and those past <see cref="Retention"/> are dropped.</summary>
    public TimeSpan RetentionInterval { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How often StreamState is asked what happened to streams.</summary>
    public TimeSpan TimelineInterval { get; set; } = TimeSpan.FromSeconds(0.5);

    /// <summary>How often the changes of streams with reports are judged. An alert is raised or cleared in such a round.</summary>
    public TimeSpan QualityInterval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How often the operators' feed looks for new reports and alerts.</summary>
    public TimeSpan FeedInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long a reader of the feed may take to accept an event. A slower one is disconnected, and loses nothing where it comes back with its last id.
    /// </summary>
    public TimeSpan FeedPatience { get; set; } = TimeSpan.FromSeconds(10);
}

internal sealed class ValidateTelemetryOptions : IValidateOptions<TelemetryOptions>
{
    private static readonly TimeSpan MinRetention = TimeSpan.FromDays(1);
    private static readonly TimeSpan MaxRetention = TimeSpan.FromDays(3650);

    public ValidateOptionsResult Validate(string? name, TelemetryOptions options)
    {
        List<string> errors = [];
        if (options.Retention < MinRetention || options.Retention > MaxRetention)
        {
            errors.Add($"{TelemetryOptions.Section}:{nameof(options.Retention)} must be from 1.00:00:00 (a day) to 3650.00:00:00; it is {options.Retention}.");
        }

        foreach (var (key, value) in new (string, TimeSpan)[]
        {
            (nameof(options.RetentionInterval), options.RetentionInterval),
            (nameof(options.TimelineInterval), options.TimelineInterval),
            (nameof(options.QualityInterval), options.QualityInterval),
            (nameof(options.FeedInterval), options.FeedInterval),
            (nameof(options.FeedPatience), options.FeedPatience),
        })
        {
            if (value <= TimeSpan.Zero)
            {
                errors.Add($"{TelemetryOptions.Section}:{key} must be longer than zero; it is {value}.");
            }
        }

        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }
}
