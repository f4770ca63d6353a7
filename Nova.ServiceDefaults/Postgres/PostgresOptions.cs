using Microsoft.Extensions.Options;

namespace Nova.ServiceDefaults.Postgres;

/// <summary>Configuration section <c>Postgres</c>.</summary>
public sealed class PostgresOptions
{
    public const string Section = "Postgres";

    /// <summary>
    /// Sessions of this replica with its database, of which StreamState's outbox listener keeps one. <c>Maximum Pool Size</c> in the connection string
    /// goes before it.
    /// </summary>
    /// <remarks>
    /// The default is what a small server does at once. With Npgsql's default of 100, a burst opened hundreds of sessions, 10 ms of CPU each, and calls
    /// timed out behind that: 300 bitrates at the same moment on two replicas: 593 of 900 answers were 503, with 20 none.
    /// </remarks>
    public int MaxPoolSize { get; set; } = 20;
}

internal sealed class ValidatePostgresOptions : IValidateOptions<PostgresOptions>
{
    /// <summary>A change that waits for its stream's lock holds one session, and the probe wants another.</summary>
    public const int Smallest = 2;

    public const int Largest = 1_000;

    public ValidateOptionsResult Validate(string? name, PostgresOptions options) =>
        options.MaxPoolSize is >= Smallest and <= Largest
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail($"{PostgresOptions.Section}:{nameof(options.MaxPoolSize)} must be between {Smallest} and {Largest}; it is {options.MaxPoolSize}.");
}
