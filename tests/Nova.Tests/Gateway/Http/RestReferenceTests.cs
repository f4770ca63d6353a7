using System.Net;
using System.Text.Json;
using Microsoft.Playwright;
using Nova.Tests.Support;

namespace Nova.Tests.Gateway.Http;

public sealed class RestReferenceTests(NovaFixture nova)
{
    [Fact]
    public async Task Document_NamesTheAddressItCameFrom()
    {
        var gateway = nova.Api.Gateways[1];
        Assert.Equal(gateway.OriginalString.TrimEnd('/'), await ServerAsync(gateway, host: null));
        Assert.Equal("http://nova.example", await ServerAsync(gateway, host: "nova.example"));
    }

    [Fact]
    public async Task Document_BehindAKnownProxy_NamesTheSchemeOfTheClient()
    {
        await using var gateway = await OwnService.StartGatewayAsync(nova.Stack, new Dictionary<string, string?> { ["Gateway:KnownProxies"] = "127.0.0.1" });
        Assert.Equal("https://nova.example", await ServerAsync(gateway.Address, "nova.example", ("X-Forwarded-For", "203.0.113.5"), ("X-Forwarded-Proto", "https")));
    }

    [Fact]
    public async Task Page_InABrowser_ShowsEveryCall_AndLoadsNothingFromElsewhere()
    {
        await using var browser = await TestBrowser.StartAsync();
        var page = await browser.NewPageAsync();
        List<string> problems = [];
        page.PageError += (_, error) => problems.Add(error);
        page.Console += (_, message) => problems.AddRange(message.Type == "error" ? [message.Text] : Array.Empty<string>());
        page.Request += (_, request) => problems.AddRange(
            request.Url.StartsWith(nova.Api.Gateways[0].OriginalString, StringComparison.Ordinal) || request.Url.StartsWith("data:", StringComparison.Ordinal) ? [] : [request.Url]);
        await page.GotoAsync($"{nova.Api.Gateways[0].OriginalString.TrimEnd('/')}/docs");
        await Assertions.Expect(page.GetByText("Schedule a broadcast").First).ToBeVisibleAsync(new() { Timeout = (float)Api.Patience.TotalMilliseconds });
        Assert.Empty(problems);
    }

    private static async Task<string?> ServerAsync(Uri gateway, string? host, params (string Name, string Value)[] headers)
    {
        using var http = new HttpClient { BaseAddress = gateway };
        using var request = new HttpRequestMessage(HttpMethod.Get, "/openapi/v1.json");
        request.Headers.Host = host;
        foreach (var (name, value) in headers)
        {
            request.Headers.Add(name, value);
        }

        using var answer = await http.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return JsonElement.Parse(await answer.Content.ReadAsStringAsync()).GetProperty("servers")[0].GetProperty("url").GetString();
    }
}
