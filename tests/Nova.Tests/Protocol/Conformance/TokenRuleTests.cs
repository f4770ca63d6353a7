using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.WebSockets;
using System.Text.Json.Nodes;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>S27 and S29 to S31: which protocol versions and tokens are taken, and that a token stays between a viewer and the gateway.</summary>
public sealed class TokenRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task S27_AnotherMajorVersion_Is400WithWhatIsSpoken_AndAnyMinorIsServedAsOneZero()
    {
        var stream = await Api.CreateStreamAsync();
        var token = await Api.TokenAsync();
        foreach (var version in new[] { "2.0", "0.9", "abc", "10", "1.", "1.abc" })
        {
            var refused = await GetAsync(stream, $"?token={token}&protocol={version}");
            Assert.Equal((HttpStatusCode.BadRequest, "PROTOCOL_ERROR"), (refused.Status, refused.ErrorCode));
            Assert.Contains("1.0", refused.Text("detail"));
        }

        foreach (var version in new[] { "1.0", "1.7", "1" })
        {
            using var socket = new ClientWebSocket();
            await socket.ConnectAsync(Viewer.Address(Api.Gateways[1], stream.Id, token, $"&protocol={version}"), TestContext.Current.CancellationToken);
            var buffer = new byte[4096];
            var received = await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken);
            var greeting = JsonNode.Parse(buffer.AsSpan(0, received.Count))!;
            Assert.Equal("1.0", (string?)greeting["data"]!["protocol_version"]);
        }
    }

    [Fact]
    public async Task S29_ATokenExpiredAMinuteAgo_Is401_AndTheLeewayIsNoMoreThanThirtySeconds()
    {
        var stream = await Api.CreateStreamAsync();
        foreach (var (seconds, status) in new[] { (-60, HttpStatusCode.Unauthorized), (-33, HttpStatusCode.Unauthorized), (+5, HttpStatusCode.UpgradeRequired) })
        {
            var answer = await GetAsync(stream, $"?token={Nova.Sign(Nova.Claims().With("exp", TestToken.Now + seconds))}");
            Assert.Equal(status, answer.Status);
        }

        var notYet = await GetAsync(stream, $"?token={Nova.Sign(Nova.Claims().With("nbf", TestToken.Now + 120))}");
        Assert.Equal((HttpStatusCode.Unauthorized, "token_not_yet_valid"), (notYet.Status, notYet.Text("reason")));
    }

    [Fact]
    public async Task S30_ConfiguredAndPublishedKeys_AreBothTaken_EachWithItsOwnAlgorithm_AndNoneNever()
    {
        await using var issuer = await TestIssuer.StartAsync();
        var (rsa, ec) = (issuer.AddRsaKey("r"), issuer.AddEcKey("e"));
        await using var stack = await Nova.StartStackAsync(new Dictionary<string, string?>
        {
            ["Authentication:Schemes:Bearer:Authority"] = issuer.Address,
            ["Authentication:Schemes:Bearer:RequireHttpsMetadata"] = "false",
            ["Authentication:Schemes:Bearer:ValidIssuers:0"] = issuer.Address,
        });
        var api = new Api(stack);
        var stream = await api.CreateStreamAsync();
        JsonObject Claims() => TestToken.Claims(issuer.Address).With("aud", "nova");
        foreach (var token in new[] { await api.TokenAsync(), TestToken.Signed(rsa, Claims()), TestToken.Signed(ec, Claims()) })
        {
            await using var viewer = await stream.WatchAsync(viewerToken: token);
            await viewer.WaitForAsync(EventNames.ViewerCountChanged);
        }

        var publicKey = ((Microsoft.IdentityModel.Tokens.RsaSecurityKey)rsa.Key).Rsa.ExportSubjectPublicKeyInfo();
        foreach (var token in new[]
        {
            TestToken.Sign(new JsonObject { ["alg"] = "none" }, Claims().ToJsonString(), _ => []),
            TestToken.Hmac(publicKey, Claims()),
            TestToken.Hmac(publicKey, Claims(), new JsonObject { ["alg"] = "HS256", ["kid"] = "r" }),
            TestToken.Signed(rsa, Claims(), new JsonObject { ["alg"] = "HS256", ["kid"] = "r" }),
            TestToken.Signed(ec, Claims(), new JsonObject { ["alg"] = "RS256", ["kid"] = "r" }),
        })
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await api.SendAsync(HttpMethod.Get, $"{stream.Path}/ws?token={token}", null, null)).Status);
        }
    }

    [Fact]
    public async Task S31_TheToken_MayComeInThreeWays_AndIsInNoTrace()
    {
        ConcurrentBag<string> traced = [];
        using var listener = new ActivityListener
        {
            ShouldListenTo = _ => true,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = span => traced.Add($"{span.DisplayName} {string.Join(' ', span.TagObjects.Select(tag => $"{tag.Key}={tag.Value}"))}"),
        };
        ActivitySource.AddActivityListener(listener);

        var stream = await Api.CreateStreamAsync();
        var token = await Api.TokenAsync();
        foreach (var (query, header, protocol) in new[] { ($"?token={token}", "", ""), ("", token, ""), ("", "", $"nova-token.{token}") })
        {
            using var socket = new ClientWebSocket();
            if (header.Length > 0)
            {
                socket.Options.SetRequestHeader("Authorization", $"Bearer {header}");
            }

            if (protocol.Length > 0)
            {
                socket.Options.AddSubProtocol("nova.v1");
                socket.Options.AddSubProtocol(protocol);
            }

            await socket.ConnectAsync(new Uri($"ws://{Api.Gateways[0].Authority}{stream.Path}/ws{query}"), TestContext.Current.CancellationToken);
            Assert.Equal(protocol.Length > 0 ? "nova.v1" : null, socket.SubProtocol);
        }

        Assert.Equal(HttpStatusCode.UpgradeRequired, (await GetAsync(stream, $"?token={token}")).Status);
        await Eventually.TrueAsync(() => Task.FromResult(traced.Any(span => span.Contains($"{stream.Id}/ws"))), "the plain GET was traced");
        Assert.DoesNotContain(traced, span => span.Contains(token.Split('.')[2]));
    }

    private Task<Answer> GetAsync(TestStream stream, string query) => Api.SendAsync(HttpMethod.Get, $"{stream.Path}/ws{query}", null, null);
}

/// <summary>S28, with tokens that live for seconds and for a minute.</summary>
public sealed class TokenExpiryRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task S28_AnExpiredToken_EndsTheSocketTenSecondsLaterWith4401_UnlessItIsRefreshed()
    {
        var stream = await Api.CreateStreamAsync();
        var issued = Stopwatch.GetTimestamp();
        await using var expiring = await stream.WatchAsync(viewerToken: await Api.TokenAsync("a", ttlSeconds: 5));
        await using var refreshed = await stream.WatchAsync(gateway: 1, await Api.TokenAsync("b", ttlSeconds: 5));
        await refreshed.SendAsync(Refresh(await Api.TokenAsync("b", ttlSeconds: 600)));
        var answer = await refreshed.WaitForAsync(EventNames.TokenRefreshed);
        Assert.InRange(answer.Data.GetProperty("expires_at").GetDateTimeOffset(), DateTimeOffset.UtcNow.AddSeconds(590), DateTimeOffset.UtcNow.AddSeconds(601));

        Assert.Equal(4401, await expiring.WaitForCloseAsync(TimeSpan.FromSeconds(30)));
        Assert.InRange(Stopwatch.GetElapsedTime(issued).TotalSeconds, 13.5, 30);
        var error = Assert.Single(expiring.Frames, frame => frame.Event == EventNames.Error);
        Assert.Equal(("UNAUTHORIZED", false), (error.Text("error_code"), error.Data.GetProperty("recoverable").GetBoolean()));
        Assert.Contains("new token", error.Text("suggested_action"));
        await refreshed.SendAsync("""{"event":"get_stream_info","data":{"request_id":"still here"}}""");
        await refreshed.WaitForAsync(EventNames.StreamInfo);
    }

    [Fact]
    public async Task S28_Refresh_MayNotChangeSubjectOrStream_AndAFailureChangesNothing()
    {
        var (stream, other) = (await Api.CreateStreamAsync(), await Api.CreateStreamAsync());
        await using var viewer = await stream.WatchAsync(viewerToken: await Api.TokenAsync("me"));
        foreach (var token in new[]
        {
            await Api.TokenAsync("somebody else"), await Api.TokenAsync("me", streams: [other.Id]), Nova.Sign(Nova.Claims("me").With("exp", TestToken.Now - 60)), "abc",
            Nova.Sign(Nova.Claims("me").With("viewer_id", Guid.NewGuid().ToString())),
        })
        {
            var before = viewer.Frames.Count;
            await viewer.SendAsync(Refresh(token));
            var error = await viewer.WaitForAsync(EventNames.Error, from: before);
            Assert.Equal(("UNAUTHORIZED", true), (error.Text("error_code"), error.Data.GetProperty("recoverable").GetBoolean()));
        }

        await viewer.SendAsync(Refresh(await Api.TokenAsync("me", streams: [stream.Id])));
        await viewer.WaitForAsync(EventNames.TokenRefreshed);

        // The same viewer_id in the name of another subject is another subject.
        var named = Guid.NewGuid().ToString();
        await using var namesake = await stream.WatchAsync(viewerToken: Nova.Sign(Nova.Claims("me").With("viewer_id", named)));
        await namesake.SendAsync(Refresh(Nova.Sign(Nova.Claims("somebody else").With("viewer_id", named))));
        Assert.Equal("UNAUTHORIZED", (await namesake.WaitForAsync(EventNames.Error)).Text("error_code"));
        await viewer.SendAsync("""{"event":"refresh_token","data":{}}""");
        Assert.Equal(1003, await viewer.WaitForCloseAsync());
    }

    internal static string Refresh(string token) => $$$"""{"event":"refresh_token","data":{"token":"{{{token}}}"}}""";
}

/// <summary>S28's warning needs a connection that is a minute old.</summary>
[LongRunning]
public sealed class TokenWarningRuleTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task S28_AMinuteBeforeTheEnd_TheViewerIsWarnedOnce()
    {
        var stream = await Api.CreateStreamAsync();
        await using var viewer = await stream.WatchAsync(viewerToken: await Api.TokenAsync("a", ttlSeconds: 125));
        var (started, talking) = (Stopwatch.GetTimestamp(), viewer.SendAsync("""{"event":"pong","data":{}}"""));
        var ping = await viewer.WaitForAsync(EventNames.Ping, within: TimeSpan.FromSeconds(35));
        await viewer.SendAsync($$$"""{"event":"pong","data":{"sequence":{{{ping.Number("sequence")}}} } }""");
        var warning = await viewer.WaitForAsync(EventNames.Error, within: TimeSpan.FromSeconds(50));
        Assert.InRange(Stopwatch.GetElapsedTime(started, warning.ReceivedAt).TotalSeconds, 59, 72);
        Assert.Equal(
            ("UNAUTHORIZED", "warning", true), (warning.Text("error_code"), warning.Text("severity"), warning.Data.GetProperty("recoverable").GetBoolean()));

        await viewer.SendAsync(TokenExpiryRuleTests.Refresh(await Api.TokenAsync("a")));
        await viewer.WaitForAsync(EventNames.TokenRefreshed);
        Assert.Single(viewer.Events, EventNames.Error);
        await talking;
    }
}
