using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>PROTOCOL.md 1.1: the endpoint, its address and its token.</summary>
public sealed class ConnectionRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task R1_Endpoint_IsTheStreamsWs_AndItsNeighboursAreNot()
    {
        var stream = await Api.CreateStreamAsync();
        var query = $"?token={await Api.TokenAsync()}";
        foreach (var gateway in Api.Gateways)
        {
            var answer = await RuleSteps.UpgradeAsync(gateway, $"{stream.Path}/ws{query}");
            Assert.Equal(101, answer.Status);
            Assert.Equal("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", answer.Header("Sec-WebSocket-Accept")); // RFC 6455 1.3, for its sample key.
            string[] neighbours = ["/ws", stream.Path, $"{stream.Path}/ws/x", $"/api/v2/streams/{stream.Id}/ws", $"/streams/{stream.Id}/ws"];
            foreach (var neighbour in neighbours)
            {
                Assert.NotEqual(101, (await RuleSteps.UpgradeAsync(gateway, neighbour + query)).Status);
            }
        }
    }

    [Fact]
    public async Task R2_Wss_BeginsLikeWs()
    {
        await using var front = await TlsGateway.StartAsync(Nova.Stack);
        var stream = await Api.CreateStreamAsync();
        var plain = await RuleSteps.FirstMessageAsync(Api.Gateways[0], $"{stream.Path}/ws?token={await Api.TokenAsync()}");
        var secure = await RuleSteps.FirstMessageAsync(front.Address, $"{stream.Path}/ws?token={await front.TokenAsync()}");
        Assert.Equal(EventNames.ConnectionEstablished, secure.Event);
        Assert.Equal(OfEverySession(plain), OfEverySession(secure));

        static string OfEverySession(Frame frame)
        {
            var data = JsonNode.Parse(frame.Data.GetRawText())!.AsObject();
            data.Remove("session_id");
            data.Remove("timestamp");
            return data.ToJsonString();
        }
    }

    [Fact]
    public async Task R3_Token_IsRequired()
    {
        var stream = await Api.CreateStreamAsync();
        foreach (var query in new[] { "", "?", "?token", "?token=", "?protocol=1.0" })
        {
            await Api.AssertUpgradesAsync($"{stream.Path}/ws{query}", HttpStatusCode.Unauthorized);
        }
    }

    [Fact]
    public async Task R4_Token_ThatIsNoValidJwt_Is401()
    {
        var stream = await Api.CreateStreamAsync();
        var parts = (await Api.TokenAsync()).Split('.');
        var forged = Base64Url(RandomNumberGenerator.GetBytes(32));
        var unsigned = $"{parts[0]}.{parts[1]}";
        foreach (var token in new[] { "abc", "a.b.c", "%21%21.%2A%2A.%21%21", unsigned, $"{unsigned}.", $"{unsigned}.{forged}" })
        {
            await Api.AssertUpgradesAsync($"{stream.Path}/ws?token={token}", HttpStatusCode.Unauthorized);
        }
    }

    [Fact]
    public async Task R5_Protocol_IsOptionalAndOnePointZero()
    {
        var stream = await Api.CreateStreamAsync();
        var token = await Api.TokenAsync();
        foreach (var more in new[] { "", "&protocol=1.0" })
        {
            var greeting = await RuleSteps.FirstMessageAsync(Api.Gateways[0], $"{stream.Path}/ws?token={token}{more}");
            Assert.Equal("1.0", greeting.Text("protocol_version"));
        }
    }

    [Fact]
    public async Task R6_Token_MintedHs256WithTheConfiguredKey_IsAccepted()
    {
        var key = RandomNumberGenerator.GetBytes(32);
        const string Bearer = "Authentication:Schemes:Bearer";
        await using var stack = await Nova.StartStackAsync(
            new Dictionary<string, string?>
            {
                [$"{Bearer}:ValidIssuer"] = "the-tester",
                [$"{Bearer}:SigningKeys:0:Issuer"] = "the-tester",
                [$"{Bearer}:SigningKeys:0:Value"] = Convert.ToBase64String(key),
            },
            gateways: 2);
        var api = new Api(stack);
        var stream = await api.CreateStreamAsync();
        var expires = DateTimeOffset.UtcNow.AddMinutes(5).ToUnixTimeSeconds();
        var claims = $$"""{"sub":"somebody","iss":"the-tester","aud":"nova","exp":{{expires}}}""";
        await api.AssertUpgradesAsync($"{stream.Path}/ws?token={Mint(key, claims)}", HttpStatusCode.SwitchingProtocols);
        await api.AssertUpgradesAsync($"{stream.Path}/ws?token={Mint(RandomNumberGenerator.GetBytes(32), claims)}", HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task R7_Query_InAnyOrderAndEncoded_IsUnderstood()
    {
        var stream = await Api.CreateStreamAsync();
        var token = await Api.TokenAsync();
        var encoded = string.Concat(token.Select(letter => $"%{(int)letter:X2}"));
        foreach (var query in new[] { $"protocol=1.0&token={token}", $"token={encoded}", $"other=1&token={encoded}&protocol=1%2E0" })
        {
            await Api.AssertUpgradesAsync($"{stream.Path}/ws?{query}", HttpStatusCode.SwitchingProtocols);
        }
    }

    [Fact]
    public async Task R9_StreamId_IsAUuidInEitherCase_AndIsEchoedInLowerCase()
    {
        var stream = await Api.CreateStreamAsync();
        var token = await Api.TokenAsync();
        foreach (var gateway in Api.Gateways)
        {
            foreach (var id in new[] { stream.Id.ToUpperInvariant(), stream.Id.ToLowerInvariant() })
            {
                var greeting = await RuleSteps.FirstMessageAsync(gateway, $"/api/v1/streams/{id}/ws?token={token}");
                Assert.Equal(stream.Id.ToLowerInvariant(), greeting.Text("stream_id"));
            }
        }

        foreach (var id in new[] { "not-a-uuid", "7", $"{stream.Id}0", stream.Id.Replace("-", "") })
        {
            await Api.AssertUpgradesAsync($"/api/v1/streams/{id}/ws?token={token}", HttpStatusCode.NotFound);
        }
    }

    private static string Mint(byte[] key, string claims)
    {
        var content = $"{Base64Url("""{"alg":"HS256","typ":"JWT"}"""u8)}.{Base64Url(Encoding.UTF8.GetBytes(claims))}";
        return $"{content}.{Base64Url(HMACSHA256.HashData(key, Encoding.ASCII.GetBytes(content)))}";
    }

    private static string Base64Url(ReadOnlySpan<byte> bytes) => Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');
}
