using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Microsoft.IdentityModel.Tokens;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Security;
using Nova.Tests.Support;

namespace Nova.Tests.ServiceDefaults.Security;

/// <summary>RS256 and ES256 by an issuer's published keys (F13, F17): rotation, an issuer that is down, slow or broken, and floods of unknown keys.</summary>
public sealed class IssuerKeysTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private TestIssuer _issuer = null!;

    public async ValueTask InitializeAsync() => _issuer = await TestIssuer.StartAsync();

    public ValueTask DisposeAsync() => _issuer.DisposeAsync();

    [Fact]
    public async Task Validate_ByDiscoveryOrByKeySet_AcceptsRsaAndEcKeys()
    {
        var (rsa, ec) = (_issuer.AddRsaKey("r"), _issuer.AddEcKey("e"));
        using var byDiscovery = Validator(new TokenOptions { Authority = _issuer.Address });
        Assert.Null(await ReasonAsync(byDiscovery, TestToken.Signed(rsa, TestToken.Claims(_issuer.Address))));
        Assert.Null(await ReasonAsync(byDiscovery, TestToken.Signed(ec, TestToken.Claims(_issuer.Address))));
        Assert.NotNull(await ReasonAsync(byDiscovery, TestToken.Signed(rsa, TestToken.Claims("another issuer"))));

        using var byKeySet = Validator(new TokenOptions { JwksAddress = _issuer.JwksAddress, ValidIssuer = TestToken.Issuer });
        Assert.Null(await ReasonAsync(byKeySet, TestToken.Signed(ec, TestToken.Claims())));
        Assert.NotNull(await ReasonAsync(byKeySet, TestToken.Signed(ec, TestToken.Claims(_issuer.Address))));
    }

    [Fact]
    public async Task Validate_BesideConfiguredKeys_EachKeyHasItsOwnAlgorithmOnly()
    {
        var rsa = _issuer.AddRsaKey("r");
        var secret = Encoding.ASCII.GetBytes("a secret of more than 32 bytes, all of them known");
        var options = new TokenOptions { JwksAddress = _issuer.JwksAddress, ValidIssuer = TestToken.Issuer };
        options.SigningKeys.Add(new SigningKeyOptions { Value = Convert.ToBase64String(secret) });
        using var validator = Validator(options);
        Assert.Null(await ReasonAsync(validator, TestToken.Hmac(secret, TestToken.Claims())));
        Assert.Null(await ReasonAsync(validator, TestToken.Signed(rsa, TestToken.Claims())));

        // The public key is known to everybody: in any form it is no HMAC secret.
        var key = ((RsaSecurityKey)rsa.Key).Rsa;
        foreach (var form in new[]
        {
            key.ExportRSAPublicKey(), key.ExportSubjectPublicKeyInfo(), Encoding.ASCII.GetBytes(key.ExportRSAPublicKeyPem()),
            Encoding.ASCII.GetBytes(key.ExportSubjectPublicKeyInfoPem()), key.ExportParameters(false).Modulus!,
        })
        {
            Assert.NotNull(await ReasonAsync(validator, TestToken.Hmac(form, TestToken.Claims(), new JsonObject { ["alg"] = "HS256", ["kid"] = "r" })));
            Assert.NotNull(await ReasonAsync(validator, TestToken.Hmac(form, TestToken.Claims(), new JsonObject { ["alg"] = "RS256", ["kid"] = "r" })));
        }

        Assert.NotNull(await ReasonAsync(validator, TestToken.Signed(rsa, TestToken.Claims(), new JsonObject { ["alg"] = "ES256", ["kid"] = "r" })));
    }

    [Fact]
    public async Task Validate_KeysThatAreNoneOrTooWeak_AreNotUsed()
    {
        var good = _issuer.AddRsaKey("good");
        var weak = _issuer.AddRsaKey("weak", bits: 1024);
        var wide = _issuer.AddEcKey("wide", SecurityAlgorithms.EcdsaSha384);
        var secret = Encoding.ASCII.GetBytes("published by mistake, so known to everybody");
        _issuer.Publish(new JsonWebKey { Kty = "oct", Kid = "secret", K = Base64UrlEncoder.Encode(secret) });
        using var validator = Validator(new TokenOptions { JwksAddress = _issuer.JwksAddress, ValidIssuer = TestToken.Issuer });
        Assert.Null(await ReasonAsync(validator, TestToken.Signed(good, TestToken.Claims())));
        Assert.NotNull(await ReasonAsync(validator, TestToken.Signed(weak, TestToken.Claims())));
        Assert.NotNull(await ReasonAsync(validator, TestToken.Signed(wide, TestToken.Claims(), new JsonObject { ["alg"] = "ES256", ["kid"] = "wide" })));
        Assert.NotNull(await ReasonAsync(validator, TestToken.Hmac(secret, TestToken.Claims(), new JsonObject { ["alg"] = "HS256", ["kid"] = "secret" })));
    }

    [Fact]
    public async Task Validate_ANewKey_IsFetchedAtOnce_AndAWithdrawnOneIsForgotten()
    {
        var first = _issuer.AddRsaKey("first");
        using var validator = Validator(new TokenOptions { JwksAddress = _issuer.JwksAddress, ValidIssuer = TestToken.Issuer });
        Assert.Null(await ReasonAsync(validator, TestToken.Signed(first, TestToken.Claims())));

        var second = _issuer.AddRsaKey("second");
        _issuer.Withdraw("first");
        _time.Advance(IssuerKeys.LeastInterval);
        Assert.Null(await ReasonAsync(validator, TestToken.Signed(second, TestToken.Claims())));
        Assert.NotNull(await ReasonAsync(validator, TestToken.Signed(first, TestToken.Claims())));
    }

    [Fact]
    public async Task Validate_AFloodOfUnknownKeys_CausesOneRequestInTenSeconds()
    {
        var known = _issuer.AddRsaKey("known");
        var stranger = (await TestIssuer.StartAsync()).AddRsaKey("stranger");
        using var validator = Validator(new TokenOptions { JwksAddress = _issuer.JwksAddress, ValidIssuer = TestToken.Issuer });
        await Task.WhenAll(Enumerable.Range(0, 500).Select(async i =>
            Assert.NotNull(await ReasonAsync(validator, TestToken.Signed(stranger, TestToken.Claims(), new JsonObject { ["alg"] = "RS256", ["kid"] = $"{i}" })))));
        Assert.Equal(1, _issuer.Requests);

        for (var second = 0; second < 30; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            Assert.NotNull(await ReasonAsync(validator, TestToken.Signed(stranger, TestToken.Claims())));
            Assert.Null(await ReasonAsync(validator, TestToken.Signed(known, TestToken.Claims())));
        }

        Assert.Equal(4, _issuer.Requests);
    }

    [Theory]
    [InlineData("error")]
    [InlineData("junk")]
    [InlineData("empty")]
    [InlineData("huge")]
    [InlineData("elsewhere")]
    public async Task Validate_WhileTheIssuerFails_KnownKeysGoOn_AndWithoutAnyItIs503(string how)
    {
        var key = _issuer.AddRsaKey("k");
        using var validator = Validator(new TokenOptions { JwksAddress = _issuer.JwksAddress, ValidIssuer = TestToken.Issuer });
        Assert.Null(await ReasonAsync(validator, TestToken.Signed(key, TestToken.Claims())));

        _issuer.Fault = () => Task.FromResult(how switch
        {
            "error" => Results.StatusCode(500),
            "junk" => Results.Text("<html>"),
            "empty" => Results.Text("""{"keys":[]}"""),
            "huge" => Results.Text($$"""{"keys":[],"x":"{{new string('x', 1024 * 1024)}}"}"""),
            _ => Results.Redirect("http://127.0.0.1:9/"),
        });
        for (var i = 0; i < 5; i++)
        {
            _time.Advance(TimeSpan.FromHours(1));
            Assert.Null(await ReasonAsync(validator, TestToken.Signed(key, TestToken.Claims().With("exp", TestToken.Now + 600))));
        }

        using var late = Validator(new TokenOptions { JwksAddress = _issuer.JwksAddress, ValidIssuer = TestToken.Issuer });
        Assert.Equal("token_keys_unavailable", await ReasonAsync(late, TestToken.Signed(key, TestToken.Claims())));
        _issuer.Fault = null;
        _time.Advance(IssuerKeys.LeastInterval);
        Assert.Null(await ReasonAsync(late, TestToken.Signed(key, TestToken.Claims())));
    }

    [Fact]
    public async Task Validate_WhileTheIssuerIsSlow_KnownKeysDoNotWait()
    {
        var (key, unknown) = (_issuer.AddRsaKey("k"), new TaskCompletionSource<IResult>());
        using var validator = Validator(new TokenOptions { JwksAddress = _issuer.JwksAddress, ValidIssuer = TestToken.Issuer });
        Assert.Null(await ReasonAsync(validator, TestToken.Signed(key, TestToken.Claims())));

        _issuer.Fault = () => unknown.Task;
        _time.Advance(IssuerKeys.LeastInterval);
        var waiting = ReasonAsync(validator, TestToken.Signed(key, TestToken.Claims(), new JsonObject { ["alg"] = "RS256", ["kid"] = "?" }));
        Assert.Null(await ReasonAsync(validator, TestToken.Signed(key, TestToken.Claims())));
        Assert.False(waiting.IsCompleted);
        unknown.SetResult(Results.StatusCode(500));
        Assert.NotNull(await waiting);
    }

    private TokenValidator Validator(TokenOptions options)
    {
        options.ValidAudience = TestToken.Audience;
        options.RequireHttpsMetadata = false;
        return new TokenValidator(options, new SocketsHttpHandler { AllowAutoRedirect = false }, _time, NullLogger.Instance);
    }

    private static async Task<string?> ReasonAsync(TokenValidator validator, string token) =>
        (await validator.ValidateAsync(token, TestContext.Current.CancellationToken)).Refusal?.Reason;
}
