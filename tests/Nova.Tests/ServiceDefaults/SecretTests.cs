using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Security;

namespace Nova.Tests.ServiceDefaults;

/// <summary>Secrets from files end in a line break, which no token, header or key holds (C22).</summary>
public sealed class SecretTests
{
    private const string Bearer = "Authentication:Schemes:Bearer";

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    [InlineData(" \t")]
    public void Settings_WithWhiteSpaceAround_AreTrimmed(string around)
    {
        var key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            [$"{Bearer}:ValidIssuer"] = $"issuer{around}",
            [$"{Bearer}:ValidAudiences:0"] = $"{around}audience",
            [$"{Bearer}:SigningKeys:0:Issuer"] = $"issuer{around}",
            [$"{Bearer}:SigningKeys:0:Value"] = $"{key}{around}",
            [$"{Bearer}:Authority"] = $"https://login.example{around}",
            ["Internal:ApiKey"] = $"{around}0123456789abcdef{around}",
        });
        builder.AddServiceDefaults();
        using var services = builder.Services.BuildServiceProvider();
        services.GetRequiredService<IStartupValidator>().Validate();

        var tokens = services.GetRequiredService<IOptions<TokenOptions>>().Value;
        Assert.Equal(["issuer"], tokens.Issuers);
        Assert.Equal(["audience"], tokens.Audiences);
        Assert.Equal(key, Assert.Single(tokens.UsedSigningKeys).Value);
        Assert.Equal("https://login.example/.well-known/openid-configuration", tokens.KeyAddress);
        Assert.Equal("0123456789abcdef", services.GetRequiredService<IOptions<InternalOptions>>().Value.ApiKey);
    }
}
