using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.IdentityModel.Tokens;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Security;
using Nova.Tests.Support;

namespace Nova.Tests.ServiceDefaults.Security;

/// <summary>The token matrix (F13, F14): what is accepted, and each way in which a token can be wrong. HS256 by two configured keys.</summary>
public sealed class TokenValidatorTests : IDisposable
{
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private readonly byte[] _nextKey = RandomNumberGenerator.GetBytes(48);
    private readonly TokenValidator _validator;

    public TokenValidatorTests()
    {
        var options = new TokenOptions { ValidIssuer = TestToken.Issuer, ValidAudience = TestToken.Audience };
        options.SigningKeys.Add(new SigningKeyOptions { Id = "old", Issuer = TestToken.Issuer, Value = Convert.ToBase64String(_key) });
        options.SigningKeys.Add(new SigningKeyOptions { Id = "new", Issuer = TestToken.Issuer, Value = Convert.ToBase64String(_nextKey) });
        _validator = new TokenValidator(options, new SocketsHttpHandler(), TimeProvider.System, NullLogger.Instance);
    }

    public void Dispose() => _validator.Dispose();

    [Fact]
    public async Task Validate_EitherKeyOfAnIssuer_IsAccepted_SoThatOneCanReplaceTheOther()
    {
        foreach (var (key, id) in new[] { (_key, null), (_nextKey, null), (_key, "old"), (_nextKey, "new"), (_nextKey, "unheard of") })
        {
            var (caller, refusal) = await ValidateAsync(TestToken.Hmac(key, TestToken.Claims(), new JsonObject { ["alg"] = "HS256", ["kid"] = id }));
            Assert.Null(refusal);
            Assert.Equal(("viewer-1", CallerRole.Viewer), (caller!.Subject, caller.Role));
            Assert.InRange(caller.ExpiresAt, DateTimeOffset.UtcNow.AddSeconds(590), DateTimeOffset.UtcNow.AddSeconds(610));
        }

        Assert.Equal("token_invalid", await ReasonAsync(TestToken.Hmac(_key, TestToken.Claims(), new JsonObject { ["alg"] = "HS256", ["kid"] = "new" })));
    }

    /// <summary>What was accepted is remembered, and not beyond its end.</summary>
    [Fact]
    public async Task Validate_ATokenThatWasAccepted_IsRefusedOnceItHasEnded()
    {
        var end = DateTimeOffset.UtcNow - TokenValidator.Leeway + TimeSpan.FromSeconds(2);
        var token = TestToken.Hmac(_key, TestToken.Claims().With("exp", end.ToUnixTimeSeconds() + 1));
        Assert.NotNull((await ValidateAsync(token)).Caller);
        await Eventually.TrueAsync(async () => (await ValidateAsync(token)).Caller is null, "the token is refused", TimeSpan.FromSeconds(6));
        Assert.Equal("token_expired", await ReasonAsync(token));
    }

    /// <summary>Claims that are changed or taken out, one at a time, and what the refusal says. A null value takes the claim out.</summary>
    public static TheoryData<string, string?, string> WrongClaims => new()
    {
        { "iss", null, "token_issuer" },
        { "iss", "\"somebody-else\"", "token_issuer" },
        { "iss", "[\"nova-test-issuer\"]", "token_invalid" },
        { "aud", null, "token_audience" },
        { "aud", "\"nova\"", "token_audience" },
        { "aud", "[]", "token_audience" },
        { "exp", null, "token_claims" },
        { "exp", "-60", "token_expired" },
        { "exp", "0", "token_expired" },
        { "exp", "\"99999999999\"", "token_claims" },
        { "exp", "99999999999.5", "token_claims" },
        { "exp", "1e300", "token_claims" },
        { "exp", "999999999999999", "token_claims" },
        { "exp", "true", "token_claims" },
        { "exp", "null", "token_claims" },
        { "nbf", "120", "token_not_yet_valid" },
        { "nbf", "\"0\"", "token_claims" },
        { "iat", "120", "token_claims" },
        { "iat", "\"soon\"", "token_claims" },
        { "sub", null, "token_claims" },
        { "sub", "\"\"", "token_claims" },
        { "sub", "42", "token_claims" },
        { "sub", "\"a\\u0000b\"", "token_claims" },
        { "sub", "\"\\ud800\"", "token_claims" },
        { "role", "\"admin\"", "token_claims" },
        { "role", "[\"operator\"]", "token_claims" },
        { "streams", "\"all\"", "token_claims" },
        { "streams", "[1]", "token_claims" },
        { "streams", "{}", "token_claims" },
    };

    [Theory]
    [MemberData(nameof(WrongClaims))]
    public async Task Validate_AWrongClaim_IsRefused(string claim, string? json, string reason)
    {
        var claims = TestToken.Claims();
        claims = json is null ? claims.Without(claim) : claims;
        var text = claims.ToJsonString();
        if (json is not null)
        {
            // As text, so that forms which no library would write get through; small numbers are seconds from now.
            var value = long.TryParse(json, out var seconds) && Math.Abs(seconds) < 1000 && json != "0" ? $"{TestToken.Now + seconds}" : json;
            text = $"{claims.Without(claim).ToJsonString()[..^1]},\"{claim}\":{value}}}";
        }

        var actual = await ReasonAsync(TestToken.HmacOf(_key, text));
        Assert.True(actual == reason || (reason == "token_claims" && actual == "token_invalid"), $"{claim} = {json}: {actual}");
    }

    [Fact]
    public async Task Validate_TheSameClaimTwice_IsRefused()
    {
        var text = $"{TestToken.Claims().ToJsonString()[..^1]},\"sub\":\"somebody-else\"}}";
        Assert.Equal("token_claims", await ReasonAsync(TestToken.HmacOf(_key, text)));
    }

    [Theory]
    [InlineData(-20, true)]
    [InlineData(-60, false)]
    public async Task Validate_ATokenPastItsEnd_IsAcceptedWithinTheLeewayOnly(int seconds, bool accepted) =>
        Assert.Equal(accepted ? null : "token_expired", await ReasonAsync(TestToken.Hmac(_key, TestToken.Claims().With("exp", TestToken.Now + seconds))));

    [Theory]
    [InlineData("none")]
    [InlineData("None")]
    [InlineData("nOnE")]
    [InlineData("HS384")]
    [InlineData("HS512")]
    [InlineData("RS256")]
    [InlineData("ES256")]
    [InlineData("")]
    public async Task Validate_AnotherAlgorithmInTheHeader_IsRefused(string algorithm)
    {
        var header = new JsonObject { ["alg"] = algorithm };
        Assert.Equal("token_invalid", await ReasonAsync(TestToken.Hmac(_key, TestToken.Claims(), header)));
        Assert.Equal("token_invalid", await ReasonAsync(TestToken.Sign(header, TestToken.Claims().ToJsonString(), _ => [])));
    }

    [Fact]
    public async Task Validate_AHeaderThatBringsItsOwnKeyOrRules_IsRefused_AndNobodyIsAsked()
    {
        var asked = 0;
        await using var attacker = await TestIssuer.StartAsync();
        attacker.Fault = () => Task.FromResult<Microsoft.AspNetCore.Http.IResult>(Microsoft.AspNetCore.Http.Results.StatusCode(500 + asked++));
        var own = attacker.AddRsaKey("attacker");
        foreach (var (name, value) in new (string, JsonNode)[]
        {
            ("jku", attacker.JwksAddress), ("x5u", attacker.JwksAddress), ("jwk", new JsonObject { ["kty"] = "oct", ["k"] = Base64UrlEncoder.Encode(_key) }),
            ("kid", "../../../../dev/null"), ("kid", "' OR 1=1 --"), ("kid", attacker.JwksAddress),
        })
        {
            Assert.Equal("token_invalid", await ReasonAsync(TestToken.Signed(own, TestToken.Claims(), new JsonObject { ["alg"] = "RS256", [name] = value.DeepClone() })));
            Assert.Equal("token_invalid", await ReasonAsync(TestToken.Hmac([], TestToken.Claims(), new JsonObject { ["alg"] = "HS256", [name] = value.DeepClone() })));
        }

        Assert.Equal("token_invalid", await ReasonAsync(TestToken.Hmac(_key, TestToken.Claims(), new JsonObject { ["alg"] = "HS256", ["crit"] = new JsonArray("b64"), ["b64"] = false })));
        Assert.Equal(0, attacker.Requests);
    }

    [Fact]
    public async Task Validate_WhatIsNoToken_IsRefused()
    {
        var good = TestToken.Hmac(_key, TestToken.Claims());
        var parts = good.Split('.');
        foreach (var token in new[]
        {
            "", "abc", "a.b", "a.b.c", "..", $"{parts[0]}.{parts[1]}", $"{parts[0]}.{parts[1]}.", $"{good}.", $"{good}.x.y", $"{parts[0]}.{parts[1]}.{parts[2][..^2]}",
            $"{parts[0]}.{Base64UrlEncoder.Encode("[]")}.{parts[2]}", $"{parts[0]}.{parts[1]}!.{parts[2]}", new string('a', TokenValidator.MaxTokenLength + 1),
            TestToken.HmacOf(_key, "[]"), TestToken.HmacOf(_key, "{"), TestToken.HmacOf(_key, ""), TestToken.HmacOf(_key, new string('[', 5000)),
            TestToken.Hmac(RandomNumberGenerator.GetBytes(32), TestToken.Claims()), TestToken.Hmac(Encoding.ASCII.GetBytes("secret"), TestToken.Claims()),
        })
        {
            Assert.Contains(await ReasonAsync(token), (IEnumerable<string>)["token_invalid", "token_issuer", "token_claims"]);
        }
    }

    private ValueTask<(Caller? Caller, TokenRefusal? Refusal)> ValidateAsync(string token) => _validator.ValidateAsync(token, TestContext.Current.CancellationToken);

    private async Task<string?> ReasonAsync(string token) => (await ValidateAsync(token)).Refusal?.Reason;
}
