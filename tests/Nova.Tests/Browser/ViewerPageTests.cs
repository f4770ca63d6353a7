using Microsoft.Playwright;
using Nova.Tests.Support;

namespace Nova.Tests.Browser;

/// <summary>The page at the gateway's root, in a real browser.</summary>
public sealed class ViewerPageTests(NovaFixture nova)
{
    [Fact]
    public async Task Page_OpenedWithAStream_ShowsItLiveAndSendsAReport()
    {
        const string Title = "<img src=x onerror=alert(1)> & friends";
        var stream = await nova.Api.CreateStreamAsync(title: Title);
        await using var browser = await TestBrowser.StartAsync();
        var page = await browser.NewPageAsync();
        List<string> problems = [];
        page.PageError += (_, error) => problems.Add(error);
        page.Console += (_, message) =>
        {
            if (message.Type == "error")
            {
                problems.Add(message.Text);
            }
        };

        // The page gets a token by itself in Development.
        await page.GotoAsync($"{nova.Stack.Gateways[0].OriginalString}/#stream={stream.Id}");
        await Shows("#viewers", "1");
        await Shows("#status", "scheduled");
        await stream.PostAsync("start", """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""");
        await Shows("#title", Title);
        await Shows("#status", "live");
        await stream.PostAsync("quality", """{"new_quality":"720p","new_bitrate_kbps":3000,"reason":"adaptive_bitrate"}""");
        await Shows("#quality", "720p");
        await stream.PostAsync("bitrate", """{"current_bitrate_kbps":1000}""");
        await Shows("#health", "poor");
        await using (await stream.WatchAsync(gateway: 1))
        {
            await Shows("#viewers", "2");
        }

        await Shows("#viewers", "1");
        await page.FillAsync("#issue-text", "It stops");
        await page.ClickAsync("#send");
        await Shows("#report-state", "Stored. Thank you.");
        await stream.PostAsync("end");
        await Shows("#status", "ended");
        await Shows("#link", "stream ended");
        Assert.Empty(problems);

        async Task Shows(string selector, string text) =>
            await Assertions.Expect(page.Locator(selector)).ToHaveTextAsync(text, new() { Timeout = (float)Api.Patience.TotalMilliseconds });
    }
}
