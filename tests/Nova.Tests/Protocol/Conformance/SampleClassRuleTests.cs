using System.Net;
using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>1.13: the document's own client class.</summary>
[LongRunning]
public sealed class SampleClassRuleTests(NovaFixture nova) : RuleTests(nova)
{
    private const int Seconds = 150;

    [Fact]
    public async Task R106_NovaStreamViewer_Unmodified_StaysConnectedAndLeavesCleanly()
    {
        var document = Tools.ProtocolDocument;
        var stream = await Api.StartStreamAsync();
        using var process = Tools.StartScript(
            "Protocol/Conformance/sample-class.mjs", document, Api.Gateways[0].Authority, stream.Id, await Api.TokenAsync("document client"), $"{Seconds}");
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await Eventually.TrueAsync(async () => (await stream.GetAsync()).Number("viewer_count") == 1, "the document's client is counted");
        await stream.ChangeQualityAsync(3000);
        await stream.PostAsync("bitrate", """{"current_bitrate_kbps":2900}"""); // An event that it has no handler for.
        await process.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(Seconds + 20)).Token);

        var lines = (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonElement.Parse(line)).ToList();
        var events = lines.Where(line => line.TryGetProperty("event", out _)).Select(line => line.GetProperty("event").GetString()!).ToList();
        Assert.True(events.Count > 3, await errors);
        Assert.Equal([EventNames.ConnectionEstablished, EventNames.StreamStarted], events.Take(2));
        Assert.InRange(events.Count(name => name == EventNames.Ping), 4, 5); // At 30, 60, 90 and 120 s; the fifth is due as it leaves.
        Assert.Single(events, EventNames.QualityChanged);
        Assert.Single(events, EventNames.StreamInfo);
        Assert.DoesNotContain(EventNames.Error, events);
        Assert.Single(lines, line => line.TryGetProperty("closed", out _)); // By its own disconnect(), at its end.
        await Eventually.TrueAsync(async () => (await stream.GetAsync()).Number("viewer_count") == 0, "it is counted no more");
    }

    /// <summary>
    /// A JWT has none of the three characters that need encoding, so nothing is lost where a client does not encode; what can be seen is that
    /// any character may be.
    /// </summary>
    [Fact]
    public async Task R107_TokenAsAUrlsSearchParameter_IsDecoded()
    {
        var stream = await Api.StartStreamAsync();
        var token = await Api.TokenAsync();
        var encoded = string.Concat(token.Select(letter => $"%{(int)letter:X2}"));
        foreach (var path in new[] { $"{stream.Path}/ws?token={encoded}", $"{stream.Path}/ws?token={encoded}&more=%2B%2F%3D" })
        {
            await using var client = await RawViewer.OpenAsync(Api.Gateways[0]);
            Assert.Equal(101, (await client.UpgradeAsync(RawViewer.Request(Api.Gateways[0], path))).Status);
        }

        await Ask.AssertUpgradeRefusedAsync(Api.Gateways[0], $"{stream.Path}/ws?token=%2B%2F%3D", HttpStatusCode.Unauthorized);
    }
}
