using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.SystemTests;

/// <summary>The client that the protocol's document shows must live: it never answers a ping and sends pongs nobody asked for (S1, R106).</summary>
public sealed class DocumentClientTests(NovaFixture nova)
{
    private const int Seconds = 150;

    [Fact]
    public async Task DocumentsOwnClass_Unmodified_StaysConnectedAndLeavesCleanly()
    {
        var document = Path.Combine(Tools.Root, "..", "shared", "websocket-protocol.md");
        Assert.SkipUnless(File.Exists(document), "The protocol's document is its owner's and is not in this repository; it was not found beside it.");
        var stream = await nova.Api.StartStreamAsync();
        using var process = Tools.Start(Tools.Node,
        [
            ..NodeFlags(), Path.Combine(AppContext.BaseDirectory, "System", "document-client.mjs"), document, nova.Stack.Gateways[1].Authority, stream.Id,
            await nova.Api.TokenAsync("document client"), $"{Seconds}",
        ]);
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await Eventually.TrueAsync(async () => (await stream.GetAsync()).Number("viewer_count") == 1, "the document's client is counted");
        await stream.PostAsync("quality", """{"new_quality":"720p","new_bitrate_kbps":3000,"reason":"adaptive_bitrate"}""");
        await process.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(Seconds + 20)).Token);

        var lines = (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonElement.Parse(line)).ToList();
        var events = lines.Where(line => line.TryGetProperty("event", out _)).Select(line => line.GetProperty("event").GetString()!).ToList();
        Assert.True(events.Count > 3, await errors);
        Assert.Equal([EventNames.ConnectionEstablished, EventNames.StreamStarted], events.Take(2));
        Assert.InRange(events.Count(name => name == EventNames.Ping), 4, 5); // At 30, 60, 90 and 120 s; the fifth is due as it leaves.
        Assert.Contains(EventNames.ViewerCountChanged, events);
        Assert.Single(events, EventNames.StreamInfo);
        Assert.DoesNotContain(EventNames.Error, events);
        Assert.Single(lines, line => line.TryGetProperty("closed", out _));
        await Eventually.TrueAsync(async () => (await stream.GetAsync()).Number("viewer_count") == 0, "it is counted no more");
    }

    /// <summary>Node has WebSocket by itself from version 22 on.</summary>
    private static string[] NodeFlags()
    {
        using var process = Tools.Start(Tools.Node, ["--version"]);
        var major = int.Parse(process.StandardOutput.ReadToEnd().TrimStart('v').Split('.')[0]);
        return major < 22 ? ["--experimental-websocket"] : [];
    }
}
