using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Internal;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Security;

namespace Nova.Tests.ServiceDefaults.Security;

/// <summary>What a service refuses to start with: every error at once, each with its key.</summary>
public sealed class TokenOptionsTests
{
    private static readonly string StrongKey = Convert.ToBase64String(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32));

    [Fact]
    public void Validate_NothingConfigured_NamesEveryKey()
    {
        var failures = Failures(new TokenOptions());
        foreach (var key in new[] { "ValidIssuer", "ValidAudiences", "SigningKeys" })
        {
            Assert.Contains(failures, failure => failure.StartsWith($"Authentication:Schemes:Bearer:{key} is missing", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("", "at least 32 bytes")]
    [InlineData("not base64!", "at least 32 bytes")]
    [InlineData("c2hvcnQ=", "at least 32 bytes")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "must be random")]
    public void Validate_AWeakKey_IsRefusedByItsNumber(string value, string why)
    {
        var options = Options(StrongKey);
        options.SigningKeys.Add(new SigningKeyOptions { Issuer = "i", Value = value });
        var failure = Assert.Single(Failures(options));
        Assert.StartsWith("Authentication:Schemes:Bearer:SigningKeys:1:Value", failure);
        Assert.Contains(why, failure);
    }

    [Fact]
    public void Validate_ADevelopmentKey_IsAcceptedInDevelopmentOnly()
    {
        var options = Options(SigningKeyOptions.NewDevelopmentKey());
        Assert.Empty(Failures(options, Environments.Development));
        Assert.Contains("development key", Assert.Single(Failures(options, Environments.Production)));
    }

    [Theory]
    [InlineData("http://login.example.org", true, false)]
    [InlineData("http://login.example.org", false, true)]
    [InlineData("https://login.example.org", true, true)]
    [InlineData("ftp://login.example.org", false, false)]
    [InlineData("login.example.org", false, false)]
    public void Validate_AnIssuersAddress_MustBeHttpsUnlessToldOtherwise(string authority, bool requireHttps, bool isValid)
    {
        var failures = Failures(new TokenOptions { Authority = authority, RequireHttpsMetadata = requireHttps, ValidAudience = "a" });
        Assert.Equal(isValid, failures.Count == 0);
    }

    private static TokenOptions Options(string key)
    {
        var options = new TokenOptions { ValidIssuer = "i", ValidAudience = "a" };
        options.SigningKeys.Add(new SigningKeyOptions { Issuer = "i", Value = key });
        return options;
    }

    private static List<string> Failures(TokenOptions options, string environment = "Production") =>
        [.. new ValidateTokenOptions(new HostingEnvironment { EnvironmentName = environment }).Validate(null, options).Failures ?? []];
}
