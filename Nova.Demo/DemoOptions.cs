using Microsoft.Extensions.Options;

namespace Nova.Demo;

internal sealed class DemoOptions
{
    public const string Section = "Demo";

    /// <summary>The gateway's address, such as <c>http://127.0.0.1:8080</c>. The broadcaster and the viewers use it as any client does.</summary>
    public Uri? Gateway { get; set; }
}

internal sealed class ValidateDemoOptions : IValidateOptions<DemoOptions>
{
    public ValidateOptionsResult Validate(string? name, DemoOptions options) =>
        options.Gateway is { IsAbsoluteUri: true, Scheme: "http" or "https" } ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail($"{DemoOptions.Section}:{nameof(DemoOptions.Gateway)} must be the gateway's address, such as http://127.0.0.1:8080");
}
