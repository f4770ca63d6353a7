using Microsoft.Extensions.Options;

namespace Nova.Gateway;

/// <summary>Configuration section <c>Gateway</c>. The protocol's own constants are in <see cref="Nova.Protocol.Limits"/> and are not configurable.</summary>
public sealed class GatewayOptions
{
    public const string Section = "Gateway";

    /// <summary>Viewers this gateway takes; the next one gets 503 (S8).</summary>
    public int MaxConnections { get; set; } = 50_000;

    /// <summary>How long a stream without viewers is kept subscribed, so that the next viewer costs no request.</summary>
    public TimeSpan RoomLinger { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long an unknown stream id is remembered as such.</summary>
    public TimeSpan UnknownStreamLinger { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Joins and leaves of one stream within this time are one count (R47: 10–100 ms).</summary>
    public TimeSpan CountInterval { get; set; } = TimeSpan.FromMilliseconds(50);

    /// <summary>A gateway that died is no longer counted after this time.</summary>
    public TimeSpan PresenceLease { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Issue reports held while Telemetry is away; then viewers are told that theirs was not kept.</summary>
    public int IssueQueue { get; set; } = 10_000;

    /// <summary>A viewer that takes nothing of what waits for it for this long is closed with 1013.</summary>
    public TimeSpan StallTimeout { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>Viewers closed at once when this gateway drains, and the pause between such waves.</summary>
    public int DrainWave { get; set; } = 500;

    public TimeSpan DrainInterval { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>A drained viewer is told to come back after a random time up to this.</summary>
    public TimeSpan DrainRetrySpread { get; set; } = TimeSpan.FromSeconds(5);
}

internal sealed class ValidateGatewayOptions : IValidateOptions<GatewayOptions>
{
    public ValidateOptionsResult Validate(string? name, GatewayOptions options)
    {
        List<string> errors = [];
        void Check(bool valid, string key, object value, string rule)
        {
            if (!valid)
            {
                errors.Add($"{GatewayOptions.Section}:{key} must be {rule}; it is {value}.");
            }
        }

        Check(options.MaxConnections > 0, nameof(options.MaxConnections), options.MaxConnections, "at least 1");
        Check(options.RoomLinger > TimeSpan.Zero, nameof(options.RoomLinger), options.RoomLinger, "longer than zero");
        Check(options.UnknownStreamLinger > TimeSpan.Zero, nameof(options.UnknownStreamLinger), options.UnknownStreamLinger, "longer than zero");
        Check(
            options.CountInterval >= TimeSpan.FromMilliseconds(10) && options.CountInterval <= TimeSpan.FromMilliseconds(100),
            nameof(options.CountInterval), options.CountInterval, "from 10 ms to 100 ms");
        Check(options.PresenceLease >= TimeSpan.FromSeconds(3), nameof(options.PresenceLease), options.PresenceLease, "at least 3 s");
        Check(options.IssueQueue > 0, nameof(options.IssueQueue), options.IssueQueue, "at least 1");
        Check(options.StallTimeout >= TimeSpan.FromSeconds(5), nameof(options.StallTimeout), options.StallTimeout, "at least 5 s");
        Check(options.DrainWave > 0, nameof(options.DrainWave), options.DrainWave, "at least 1");
        Check(options.DrainInterval >= TimeSpan.Zero, nameof(options.DrainInterval), options.DrainInterval, "zero or longer");
        Check(options.DrainRetrySpread > TimeSpan.Zero, nameof(options.DrainRetrySpread), options.DrainRetrySpread, "longer than zero");
        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }
}
