using System.Net;
using System.Net.WebSockets;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>Part 2: refusals and identities (S8 to S10, S12, S21, S22).</summary>
public sealed class RefusalSettledTests(NovaFixture nova) : RuleTests(nova)
{
    [Fact]
    public async Task S8_AtCapacity_Is503WithRetryAfter()
    {
        await using var gateway = await OwnService.StartGatewayAsync(Nova.Stack, new Dictionary<string, string?> { ["Gateway:MaxConnections"] = "1" });
        var stream = await Api.StartStreamAsync();
        await using var only = await gateway.WatchAsync(stream);
        var path = $"{stream.Path}/ws?token={OwnService.Token()}";
        using var http = new HttpClient { BaseAddress = gateway.Address };
        HashSet<TimeSpan?> delays = [];
        for (var i = 0; i < 40; i++)
        {
            using var response = await http.GetAsync(path);
            var body = System.Text.Json.JsonElement.Parse(await response.Content.ReadAsStringAsync());
            Assert.Equal(
                (HttpStatusCode.ServiceUnavailable, ErrorCodes.ConnectionRejected, "at_capacity"),
                (response.StatusCode, body.GetProperty("error_code").GetString(), body.GetProperty("reason").GetString()));
            delays.Add(response.Headers.RetryAfter?.Delta);
        }

        Assert.DoesNotContain(null, delays);
        Assert.True(delays.Count > 1, "Those who are refused together would come back together.");
        await Ask.AssertUpgradeRefusedAsync(gateway.Address, path, HttpStatusCode.ServiceUnavailable);
    }

    [Fact]
    public async Task S9_MalformedStreamId_IsAStreamThatIsNotFound()
    {
        var answer = await Api.RefusalAsync($"/api/v1/streams/not-a-uuid/ws?token={await Api.TokenAsync()}");
        Assert.Equal((HttpStatusCode.NotFound, ErrorCodes.StreamNotFound), (answer.Status, answer.ErrorCode));
    }

    /// <summary>Each request is refused for one thing more than the next; the first thing in the order wins.</summary>
    [Fact]
    public async Task S10_Refusals_HaveAnOrder()
    {
        await using var full = await OwnService.StartGatewayAsync(Nova.Stack, new Dictionary<string, string?> { ["Gateway:MaxConnections"] = "1" });
        var (open, hidden) = (await Api.StartStreamAsync(), await Api.CreateStreamAsync("private"));
        await using var only = await full.WatchAsync(open);
        var (unknown, token) = ($"/api/v1/streams/{Guid.NewGuid()}", OwnService.Token());
        foreach (var (path, status) in new[]
        {
            ($"{unknown}/ws?token=bad", HttpStatusCode.Unauthorized),
            ($"{hidden.Path}/ws?token=bad", HttpStatusCode.Unauthorized),
            ($"{unknown}/ws?token={token}", HttpStatusCode.NotFound),
            ($"{hidden.Path}/ws?token={token}", HttpStatusCode.Forbidden),
            ($"{open.Path}/ws?token={token}", HttpStatusCode.ServiceUnavailable),
        })
        {
            await Ask.AssertUpgradeRefusedAsync(full.Address, path, status);
        }
    }

    [Fact]
    public async Task S12_PlainGet_IsAnsweredLikeTheUpgrade()
    {
        var (open, hidden) = (await Api.StartStreamAsync(), await Api.CreateStreamAsync("private"));
        var token = await Api.TokenAsync();
        foreach (var (path, status, code) in new[]
        {
            ($"{open.Path}/ws?token=bad", HttpStatusCode.Unauthorized, ErrorCodes.ConnectionRejected),
            ($"/api/v1/streams/{Guid.NewGuid()}/ws?token={token}", HttpStatusCode.NotFound, ErrorCodes.StreamNotFound),
            ($"{hidden.Path}/ws?token={token}", HttpStatusCode.Forbidden, ErrorCodes.Unauthorized),
        })
        {
            await Ask.AssertUpgradeRefusedAsync(Api.Gateways[0], path, status);
            var answer = await Api.RefusalAsync(path);
            Assert.Equal((status, code), (answer.Status, answer.ErrorCode));
        }

        Assert.Equal(HttpStatusCode.UpgradeRequired, (await Api.RefusalAsync($"{open.Path}/ws?token={token}")).Status);
    }

    [Fact]
    public async Task S21_ViewerId_IsTheClaimOrAUuidOfTheSubject()
    {
        await using var gateway = await OwnService.StartGatewayAsync(Nova.Stack);
        var (stream, claim, subject) = (await Api.StartStreamAsync(), Guid.NewGuid(), Guid.NewGuid());
        Assert.Equal(claim.ToString(), await IdAsync(OwnService.Token("account-7", ("viewer_id", claim.ToString()))));
        var ofName = await IdAsync(OwnService.Token("account-7"));
        Assert.Equal(5, Guid.Parse(ofName).Version);
        Assert.Equal(ofName, await IdAsync(OwnService.Token("account-7", ("viewer_id", "no uuid"))));
        Assert.NotEqual(ofName, await IdAsync(OwnService.Token("account-8")));
        Assert.Equal(5, Guid.Parse(await IdAsync(OwnService.Token(subject.ToString()))).Version);

        async Task<string> IdAsync(string token)
        {
            await using var viewer = await gateway.WatchAsync(stream, token);
            return (await viewer.WaitForAsync(EventNames.ConnectionEstablished)).Text("viewer_id");
        }
    }

    [Fact]
    public async Task S22_SessionId_IsRandomAndNoCredential()
    {
        var stream = await Api.StartStreamAsync();
        var token = await Api.TokenAsync();
        List<string> sessions = [];
        for (var i = 0; i < 30; i++)
        {
            await using var viewer = await stream.WatchAsync(i % 2, token);
            sessions.Add((await viewer.WaitForAsync(EventNames.ConnectionEstablished)).Text("session_id"));
        }

        Assert.Equal(30, sessions.Distinct().Count());
        Assert.All(sessions, session => Assert.Matches("^session_[0-9a-zA-Z]{24,}$", session)); // 96 bits and more, in hex.
        for (var position = "session_".Length; position < "session_".Length + 24; position++)
        {
            Assert.True(sessions.Select(session => session[position]).Distinct().Count() > 3, $"Digit {position} hardly changes.");
        }

        await Ask.AssertUpgradeRefusedAsync(Api.Gateways[0], $"{stream.Path}/ws?token={sessions[0]}", HttpStatusCode.Unauthorized);
    }
}
