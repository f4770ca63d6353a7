using System.Net;
using System.Net.Http.Headers;
using Microsoft.Playwright;
using Nova.Tests.Contracts;
using Nova.Tests.Support;

namespace Nova.Tests.Gateway.Http;

/// <summary>The WebSocket's contract as the gateway serves it.</summary>
public sealed class SocketReferenceTests(NovaFixture nova)
{
    [Fact]
    public async Task Document_IsTheOneInDocs_AndIsNotSentTwice()
    {
        using var http = new HttpClient { BaseAddress = nova.Api.Gateways[0] };
        using var answer = await http.GetAsync("/asyncapi.yaml");
        Assert.Equal("application/yaml; charset=utf-8", answer.Content.Headers.ContentType!.ToString());
        Assert.Equal(await File.ReadAllTextAsync(Path.Combine(Tools.Root, "docs", "asyncapi.yaml")), await answer.Content.ReadAsStringAsync());
        http.DefaultRequestHeaders.IfNoneMatch.Add(new EntityTagHeaderValue(answer.Headers.ETag!.Tag));
        using var again = await http.GetAsync("/asyncapi.yaml");
        Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
    }

    [Theory]
    [InlineData("/docs/socket", "text/html; charset=utf-8")]
    [InlineData("/docs/socket/socket.js", "text/javascript; charset=utf-8")]
    [InlineData("/docs/socket/socket.css", "text/css; charset=utf-8")]
    public async Task Files_AreServed_UnderAPolicyOfTheirOwn(string path, string contentType)
    {
        using var http = new HttpClient { BaseAddress = nova.Api.Gateways[0] };
        using var answer = await http.GetAsync(path);
        Assert.Equal(contentType, answer.Content.Headers.ContentType!.ToString());
        Assert.Equal(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
            answer.Headers.GetValues("Content-Security-Policy").Single());
    }

    [Fact]
    public async Task Page_ShowsEveryMessageAndTable_AndLoadsNothingFromElsewhere()
    {
        await using var browser = await TestBrowser.StartAsync();
        var page = await browser.NewPageAsync();
        List<string> problems = [];
        page.PageError += (_, error) => problems.Add(error);
        page.Console += (_, message) => problems.AddRange(message.Type is "error" or "warning" ? [message.Text] : Array.Empty<string>());
        page.Request += (_, request) => problems.AddRange(new Uri(request.Url).Authority == nova.Api.Gateways[0].Authority ? Array.Empty<string>() : [request.Url]);
        await page.GotoAsync($"{nova.Api.Gateways[0].OriginalString.TrimEnd('/')}/docs/socket");
        foreach (var name in AsyncApiDocument.Instance.Messages.Keys)
        {
            await Assertions.Expect(page.Locator($"#message-{name}")).ToBeVisibleAsync();
        }

        await Assertions.Expect(page.Locator("#x-nova-close-codes").GetByRole(AriaRole.Cell, new() { Name = "4408", Exact = true })).ToBeVisibleAsync();
        await Assertions.Expect(page.Locator("#x-nova-error-codes").GetByRole(AriaRole.Cell, new() { Name = "MESSAGES_DROPPED", Exact = true })).ToBeVisibleAsync();
        Assert.Empty(problems);
    }
}
