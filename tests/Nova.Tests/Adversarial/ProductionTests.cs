using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using Nova.Tests.Support;

namespace Nova.Tests.Adversarial;

/// <summary>What a gateway in production shows to anybody: no development endpoint, no server's name, and headers that tie browsers' hands.</summary>
public sealed class ProductionTests(NovaFixture nova)
{
    [Fact]
    public async Task DevelopmentEndpoints_AreNotThere()
    {
        await using var gateway = await OwnService.StartGatewayAsync(nova.Stack, environment: "Production");
        using var http = new HttpClient { BaseAddress = gateway.Address };
        using var answer = await http.PostAsJsonAsync("/dev/tokens", new { sub = "x", role = "operator" }, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Theory]
    [InlineData("Host", "evil.example")]
    [InlineData("Origin", "https://evil.example")]
    [InlineData("Origin", "null")]
    [InlineData("X-Forwarded-For", "127.0.0.1")]
    [InlineData("Forwarded", "for=127.0.0.1")]
    [InlineData("X-Forwarded-Host", "nova.example")]
    [InlineData("X-Forwarded-Proto", "https")]
    [InlineData("X-Real-IP", "192.0.2.1")]
    [InlineData("Via", "1.1 proxy")]
    [InlineData("CF-Connecting-IP", "192.0.2.1")]
    public async Task DevelopmentTokens_AreForThisMachineOnly(string header, string value)
    {
        var answer = await nova.Api.SendAsync(HttpMethod.Post, "/dev/tokens", """{"sub":"x","role":"operator"}""", null, (header, value));
        Assert.Equal((HttpStatusCode.Forbidden, "UNAUTHORIZED"), (answer.Status, answer.ErrorCode));
    }

    /// <summary>nginx's bare <c>proxy_pass http://127.0.0.1:8080</c> for a client of anywhere: this Host, no header of a proxy, and HTTP/1.0.</summary>
    [Fact]
    public async Task DevelopmentTokens_AreNotForABareProxyPass()
    {
        const string Body = """{"sub":"x","role":"operator"}""";
        var gateway = nova.Stack.Gateways[0];
        using var client = new TcpClient(gateway.Host, gateway.Port);
        await using var stream = client.GetStream();
        var request = $"POST /dev/tokens HTTP/1.0\r\nHost: {gateway.Authority}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {Body.Length}\r\n\r\n{Body}";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(stream);
        Assert.Equal("HTTP/1.1 403 Forbidden", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("/", "script-src 'self'")]
    [InlineData("/main.js", "require-trusted-types-for 'script'")]
    [InlineData("/health", "default-src 'none'")]
    [InlineData("/nothing", "default-src 'none'")]
    [InlineData("/api/v1/streams", "frame-ancestors 'none'")]
    [InlineData("/api/v1/streams/0199a3f0-0000-7000-8000-000000000000/ws", "frame-ancestors 'none'")]
    public async Task EveryAnswer_HasTheHeaders(string path, string policy)
    {
        await using var gateway = await OwnService.StartGatewayAsync(nova.Stack, environment: "Production");
        using var http = new HttpClient { BaseAddress = gateway.Address };
        using var answer = await http.GetAsync(path, TestContext.Current.CancellationToken);
        Assert.Contains(policy, answer.Headers.GetValues("Content-Security-Policy").Single());
        Assert.DoesNotContain("unsafe", answer.Headers.GetValues("Content-Security-Policy").Single());
        Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal("no-referrer", answer.Headers.GetValues("Referrer-Policy").Single());
        Assert.Empty(answer.Headers.Server);
    }
}
