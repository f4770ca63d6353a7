using System.Net;
using System.Text;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Adversarial;

/// <summary>Addresses and requests that look like others (F18, F19): canonical or refused, never another route's answer and never the inside.</summary>
public sealed class PathTests(NovaFixture nova)
{
    [Theory]
    [InlineData("/api/v1/streams/{ID}/ws", 101)]
    [InlineData("/api/v1/streams/{{id}}/ws", 404)]
    [InlineData("/api/v1/streams/+{id}/ws", 404)]
    [InlineData("/api/v1/streams/0x000000-0000-7000-8000-000000000000/ws", 404)]
    [InlineData("/api/v1/streams/%7B{id}%7D/ws", 404)]
    [InlineData("/api/v1/streams/{id}%20/ws", 404)]
    [InlineData("/api/v1/streams/{id}%00/ws", 400)]
    [InlineData("/api/v1/streams/{id}%2F..%2Fws", 404)]
    [InlineData("/api/v1/streams/x/../{id}/ws", 101)]
    [InlineData("/api/v1/streams/x/%2e%2e/{id}/ws", 101)]
    [InlineData("/api/v1/streams/%2e%2e/streams/{id}/ws", 101)]
    [InlineData("/api/v1/streams//ws", 404)]
    [InlineData("/api/v1/streams/ü/ws", 400)]
    [InlineData("/api/v1/streams/%C3%BC/ws", 404)]
    [InlineData("/api/v1/streams/{id}/ws/../../../../../internal/streams/{id}/snapshot", 404)]
    [InlineData("/api/v1/streams/..%2f..%2f..%2finternal/streams/{id}/snapshot", 404)]
    [InlineData("/api/v1/streams/%2e%2e/%2e%2e/%2e%2e/internal/streams/{id}/snapshot", 404)]
    [InlineData("//internal/streams/{id}/snapshot", 404)]
    [InlineData("/api/v1/issues/../../../internal/issues", 404)]
    public async Task APath_InEveryDisguise_IsTheStreamOrNothing(string path, int status)
    {
        var stream = await nova.Api.CreateStreamAsync();
        path = path.Replace("{id}", stream.Id).Replace("{ID}", stream.Id.ToUpperInvariant()) + $"?token={await nova.Api.TokenAsync("op", "operator")}";
        await using var client = await RawViewer.OpenAsync(nova.Stack.Gateways[0]);
        var answer = await client.UpgradeAsync(RawViewer.Request(nova.Stack.Gateways[0], path));
        var refused = answer.Status is 400 or 401 or 404; // 401: forwarded as another resource, without the query's token.
        Assert.True(status == 101 ? answer.Status == 101 : refused, $"{path} was answered {answer.Status}");
    }

    [Fact]
    public async Task ALongPath_IsRefused_AndAnUpperCaseId_IsEchoedInLowerCase()
    {
        var stream = await nova.Api.CreateStreamAsync();
        await using var client = await RawViewer.OpenAsync(nova.Stack.Gateways[0]);
        await client.WriteAsync(Encoding.ASCII.GetBytes($"GET /api/v1/streams/{new string('a', 1024 * 1024)}/ws HTTP/1.1\r\n"));
        await using var viewer = await Viewer.ConnectAsync(nova.Stack.Gateways[0], stream.Id.ToUpperInvariant(), await nova.Api.TokenAsync());
        Assert.Equal(stream.Id, (await viewer.WaitForAsync(EventNames.ConnectionEstablished)).Text("stream_id"));
    }

    /// <summary>What a proxy in front and the server behind might cut differently: one answer, and the connection is closed or goes on in step.</summary>
    [Theory]
    [InlineData("POST /api/v1/streams HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("POST /api/v1/streams HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n")]
    [InlineData("POST /api/v1/streams HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n{}\r\n")]
    [InlineData("POST /api/v1/streams HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\vchunked\r\nContent-Length: 2\r\n\r\n{}")]
    [InlineData("GET /internal/issues HTTP/1.1\r\nHost: telemetry\r\nX-Nova-Internal-Key: x\r\n\r\n")]
    public async Task ARequestWithTwoReadings_IsRefused(string request)
    {
        await using var client = await RawViewer.OpenAsync(nova.Stack.Gateways[0]);
        var answer = await client.UpgradeAsync(request);
        Assert.InRange(answer.Status, 400, 404);
    }

    [Fact]
    public async Task ABodyBeyondTheLimit_Is413_WhicheverServiceItIsFor()
    {
        foreach (var path in new[] { "/api/v1/streams", "/api/v1/issues" })
        {
            var answer = await nova.Api.SendAsync(HttpMethod.Post, path, $$"""{"title":"{{new string('x', 100_000)}}"}""", await nova.Api.TokenAsync("b", "broadcaster"));
            Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "INVALID_REQUEST"), (answer.Status, answer.ErrorCode));
        }
    }

    /// <summary>The address of a client is what the connection says, unless a known proxy says otherwise.</summary>
    [Fact]
    public async Task ForwardedFor_IsBelievedOfKnownProxiesOnly()
    {
        var limits = new Dictionary<string, string?> { ["Gateway:UnlimitedClients"] = "192.0.2.1", ["Gateway:UpgradesPerSecond"] = "0.01", ["Gateway:UpgradesBurst"] = "3" };
        await using var open = await OwnService.StartGatewayAsync(nova.Stack, limits);
        await using var behindProxy = await OwnService.StartGatewayAsync(nova.Stack, new Dictionary<string, string?>(limits) { ["Gateway:KnownProxies"] = "127.0.0.0/8" });
        var stream = await nova.Api.CreateStreamAsync();
        Assert.Equal(3, await CountAcceptedAsync(open.Address, stream, number => $"203.0.113.{number}"));
        Assert.Equal(3, await CountAcceptedAsync(behindProxy.Address, stream, _ => "203.0.113.7"));
        Assert.Equal(3, await CountAcceptedAsync(behindProxy.Address, stream, number => $"203.0.113.{number}, 203.0.113.8"));
        Assert.Equal(10, await CountAcceptedAsync(behindProxy.Address, stream, number => $"198.51.100.{number}"));
    }

    private static async Task<int> CountAcceptedAsync(Uri gateway, TestStream stream, Func<int, string> forwardedFor)
    {
        var accepted = 0;
        for (var number = 1; number <= 10; number++)
        {
            using var http = new HttpClient { BaseAddress = gateway };
            http.DefaultRequestHeaders.Add("X-Forwarded-For", forwardedFor(number));
            using var answer = await http.GetAsync($"{stream.Path}/ws?token={OwnService.Token()}");
            accepted += answer.StatusCode == HttpStatusCode.UpgradeRequired ? 1 : 0;
            if (answer.StatusCode == HttpStatusCode.TooManyRequests)
            {
                Assert.True(answer.Headers.RetryAfter?.Delta > TimeSpan.FromSeconds(1));
            }
        }

        return accepted;
    }
}
