namespace Nova.AppHost;

/// <summary>The secrets that the services share. They are generated once and stored in user secrets, or by the publish target.</summary>
internal sealed record Secrets(IResourceBuilder<ParameterResource> SigningKey, IResourceBuilder<ParameterResource> InternalKey);

internal static class SecretsExtensions
{
    private const string Issuer = "nova";
    private const string Audience = "nova";

    public static Secrets AddSecrets(this IDistributedApplicationBuilder builder) => new(
        // 64 letters and digits are also valid base64, of 48 bytes; the services decode the key as base64.
        builder.AddParameter("jwt-signing-key", new GenerateParameterDefault { MinLength = 64, Special = false }, secret: true, persist: true)
            .WithDescription("The key that signs tokens: base64 of 32 bytes or more. Generated once."),
        builder.AddParameter("internal-api-key", new GenerateParameterDefault { MinLength = 32, Special = false }, secret: true, persist: true)
            .WithDescription("The key that the services show each other: 16 characters or more. Generated once."));

    public static IResourceBuilder<ProjectResource> WithSecrets(this IResourceBuilder<ProjectResource> service, Secrets secrets) => service
        .WithEnvironment("Authentication__Schemes__Bearer__ValidIssuer", Issuer)
        .WithEnvironment("Authentication__Schemes__Bearer__ValidAudiences__0", Audience)
        .WithEnvironment("Authentication__Schemes__Bearer__SigningKeys__0__Issuer", Issuer)
        .WithEnvironment("Authentication__Schemes__Bearer__SigningKeys__0__Value", secrets.SigningKey)
        .WithEnvironment("Internal__ApiKey", secrets.InternalKey);
}
