using Microsoft.Extensions.Options;

namespace Nova.ServiceDefaults.Security;

/// <summary>Configuration section <c>Internal</c>.</summary>
public sealed class InternalOptions
{
    public const string Section = "Internal";

    /// <summary>
    /// The key that calls between services carry and demand: at least 16 printable ASCII characters without a space, the same for all services. Where
    /// it is missing, whoever reaches a service's port may make such calls.
    /// </summary>
    public string? ApiKey { get; set; }
}

/// <summary>A key that no header can carry would leave every service healthy and every call between them refused.</summary>
internal sealed class ValidateInternalOptions : IValidateOptions<InternalOptions>
{
    private const int MinimumLength = 16;

    public ValidateOptionsResult Validate(string? name, InternalOptions options) =>
        options.ApiKey is null || (options.ApiKey.Length >= MinimumLength && options.ApiKey.All(c => c is > ' ' and <= '~'))
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(
                $"{InternalOptions.Section}:{nameof(options.ApiKey)} {(options.ApiKey.Length == 0 ? "is empty" : "cannot be used")}: it must be at least {MinimumLength} "
                + "printable ASCII characters without a space, such as `openssl rand -hex 32` makes, and the same for all services.");
}
