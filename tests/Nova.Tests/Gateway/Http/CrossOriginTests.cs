using System.Net;
using Nova.Tests.Support;

namespace Nova.Tests.Gateway.Http;

/// <summary>S57: a page of another origin may call REST and read why its socket was refused.</summary>
public sealed class CrossOriginTests(NovaFixture nova)
{
    private const string Page = "https://platform.example";

    [Theory]
    [InlineData("/api/v1/streams")]
    [InlineData("/api/v1/issues")]
    [InlineData("/api/v1/streams/0199a3f0-0000-7000-8000-000000000000/ws?token=bad")]
    public async Task AnyOrigin_WithoutAList_MayReadEveryAnswer(string path)
    {
        using var answer = await GetAsync(nova.Api.Gateways[0], path, Page);
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Equal("*", answer.Headers.GetValues("Access-Control-Allow-Origin").Single());
        Assert.Equal("ETag,Retry-After,Location", answer.Headers.GetValues("Access-Control-Expose-Headers").Single());
        Assert.False(answer.Headers.Contains("Access-Control-Allow-Credentials"));
    }

    [Fact]
    public async Task Preflight_OfAPost_IsAllowedForADay()
    {
        using var http = new HttpClient { BaseAddress = nova.Api.Gateways[0] };
        using var request = new HttpRequestMessage(HttpMethod.Options, "/api/v1/streams");
        request.Headers.Add("Origin", Page);
        request.Headers.Add("Access-Control-Request-Method", "POST");
        request.Headers.Add("Access-Control-Request-Headers", "authorization,content-type,if-match");
        using var answer = await http.SendAsync(request);
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal("86400", answer.Headers.GetValues("Access-Control-Max-Age").Single());
        Assert.Equal("authorization,content-type,if-match", answer.Headers.GetValues("Access-Control-Allow-Headers").Single());
    }

    [Theory]
    [InlineData(Page, true)]
    [InlineData("https://other.example", false)]
    public async Task AList_NamesTheOriginsThatMay(string origin, bool allowed)
    {
        await using var gateway = await OwnService.StartGatewayAsync(nova.Stack, new Dictionary<string, string?> { ["Gateway:AllowedOrigins"] = Page });
        using var answer = await GetAsync(gateway.Address, "/api/v1/streams", origin);
        Assert.Equal(allowed, answer.Headers.TryGetValues("Access-Control-Allow-Origin", out var origins) && origins.Single() == origin);
    }

    private static async Task<HttpResponseMessage> GetAsync(Uri gateway, string path, string origin)
    {
        using var http = new HttpClient { BaseAddress = gateway };
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("Origin", origin);
        return await http.SendAsync(request);
    }
}
