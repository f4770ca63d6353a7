using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Playwright;
using Nova.Tests.Support;

namespace Nova.Tests.Contracts;

/// <summary><c>samples/watch.html</c> in a real browser, served from another origin than Nova's.</summary>
public sealed class WatchPageTests(NovaFixture nova)
{
    /// <summary>Of the page's tokens, in seconds: the shortest that is refreshed no more often than Nova allows.</summary>
    private const int Lifetime = 6;

    [Fact]
    public async Task Page_OnAnotherOrigin_OutlivesItsTokenAndTheGateway()
    {
        var gateway = await OwnService.StartGatewayAsync(nova.Stack);
        try
        {
            var address = gateway.Address.OriginalString;
            await using var site = await StartSiteAsync();
            var stream = await nova.Api.CreateStreamAsync(title: "Watched from elsewhere");
            await using var browser = await TestBrowser.StartAsync();
            var page = new WatchPage(await browser.NewPageAsync());
            await page.OpenAsync($"{site.Urls.Single()}/watch.html?stream={stream.Id}&nova={address}&lifetime={Lifetime}");
            await FollowsTheStreamAsync(page, stream);
            await page.OutlivesItsTokenAsync();

            await gateway.DisposeAsync();
            await page.ShowsAsync("#state", "reconnecting");
            gateway = await OwnService.StartGatewayAsync(nova.Stack, new Dictionary<string, string?> { ["Kestrel:Endpoints:Again:Url"] = address });
            await page.ShowsAsync("#state", "live");
            await stream.PostAsync("end");
            await page.ShowsAsync("#state", "ended");
            Assert.Empty(page.Errors);
        }
        finally
        {
            await gateway.DisposeAsync();
        }
    }

    [Fact]
    public async Task Page_OfAnUnknownStream_SaysWhyItIsRefused()
    {
        await using var site = await StartSiteAsync();
        await using var browser = await TestBrowser.StartAsync();
        var page = new WatchPage(await browser.NewPageAsync());
        await page.OpenAsync($"{site.Urls.Single()}/watch.html?stream={Guid.NewGuid()}&nova={nova.Stack.Gateways[0].OriginalString}");
        await page.ShowsAsync("#state", "refused");
        await page.ShowsAsync("#detail", "There is no stream with this id; check its format, a UUID.");
        Assert.Empty(page.Errors);
    }

    /// <summary>Was: a page of another origin could read neither why its socket was refused nor any answer of REST.</summary>
    [Fact]
    public async Task ScriptOnAnotherOrigin_ReadsRefusalsAndHeaders_AlsoAfterAPreflight()
    {
        await using var site = await StartSiteAsync();
        await using var browser = await TestBrowser.StartAsync();
        var page = await browser.NewPageAsync();
        await page.GotoAsync($"{site.Urls.Single()}/watch.html");
        var stream = await nova.Api.StartStreamAsync();
        var address = nova.Stack.Gateways[0].OriginalString.TrimEnd('/') + stream.Path;
        var refused = await page.EvaluateAsync<string>("async url => { const answer = await fetch(url); return `${answer.status} ${(await answer.json()).reason}`; }", $"{address}/ws?token=bad");
        Assert.Equal("401 token_invalid", refused);
        var conflict = await page.EvaluateAsync<string>(
            """
            async ([url, token]) => {
              const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', 'If-Match': '"1"' };
              const refused = await fetch(url, { method: 'PATCH', headers, body: '{"title":"x"}' });
              const read = await fetch(url, { headers });
              return `${refused.status} ${(await refused.json()).error_code} ${read.headers.get('ETag')}`;
            }
            """,
            new[] { address, stream.Token });
        Assert.Equal("412 VERSION_MISMATCH \"2\"", conflict);
    }

    private static async Task FollowsTheStreamAsync(WatchPage page, TestStream stream)
    {
        await page.ShowsAsync("#state", "scheduled");
        await page.ShowsAsync("#viewers", "1");
        await stream.PostAsync("start", """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""");
        await page.ShowsAsync("#state", "live");
        await page.ShowsAsync("#title", "Watched from elsewhere");
        await stream.PostAsync("quality", """{"new_quality":"720p","new_bitrate_kbps":3000,"reason":"adaptive_bitrate"}""");
        await page.ShowsAsync("#quality", "720p");
        await page.ReportAsync();
        await stream.PostAsync(
            "error", """{"error_code":"RTMP_CONNECTION_LOST","error_message":"Lost","severity":"critical","recoverable":false,"suggested_action":"Wait"}""");
        await page.ShowsAsync("#state", "broadcaster lost");
        await stream.PostAsync("bitrate", """{"current_bitrate_kbps":2900}"""); // No heartbeat: its silence would be a loss in 15 s.
        await page.ShowsAsync("#state", "live");
    }

    private static async Task<WebApplication> StartSiteAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var site = builder.Build();
        site.MapGet("/watch.html", () => Results.File(Path.Combine(Tools.Root, "samples", "watch.html"), "text/html"));
        await site.StartAsync();
        return site;
    }

    private sealed class WatchPage
    {
        private readonly IPage _page;
        private int _sockets;
        private int _refreshes;

        public WatchPage(IPage page)
        {
            _page = page;
            page.PageError += (_, error) => Errors.Add(error);
            page.WebSocket += (_, socket) =>
            {
                Interlocked.Increment(ref _sockets);
                socket.FrameReceived += (_, frame) =>
                {
                    if (frame.Text?.Contains("token_refreshed", StringComparison.Ordinal) == true)
                    {
                        Interlocked.Increment(ref _refreshes);
                    }
                };
            };
        }

        public List<string> Errors { get; } = [];

        public Task OpenAsync(string address) => _page.GotoAsync(address);

        public async Task ShowsAsync(string selector, string text) =>
            await Assertions.Expect(_page.Locator(selector)).ToHaveTextAsync(text, new() { Timeout = (float)Api.Patience.TotalMilliseconds });

        public async Task ReportAsync()
        {
            await _page.ClickAsync("#report");
            await Assertions.Expect(_page.Locator("#receipt")).ToContainTextAsync("stored as", new() { Timeout = (float)Api.Patience.TotalMilliseconds });
        }

        /// <summary>Ten seconds after its first token's end, the socket would be closed.</summary>
        public async Task OutlivesItsTokenAsync()
        {
            const int Halves = ((Lifetime + 10) / (Lifetime / 2)) + 1;
            await Eventually.TrueAsync(() => Task.FromResult(_refreshes >= Halves), "the page refreshes its token", TimeSpan.FromSeconds(30));
            Assert.Equal(1, _sockets);
        }
    }
}
