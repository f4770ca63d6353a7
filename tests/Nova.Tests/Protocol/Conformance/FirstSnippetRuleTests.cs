using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>The document's first code sample, run by node. A class of its own: it takes its minutes beside all others.</summary>
[LongRunning]
public sealed class FirstSnippetRuleTests(NovaFixture nova) : RuleTests(nova)
{
    private const int Seconds = 150;

    /// <summary>
    /// The sample sends nothing, so it is closed after 60 s of silence (R96); it is then run again, as by a page that is loaded again.
    /// </summary>
    [Fact]
    public async Task R8_FirstSnippet_Unmodified_OpensAndParsesEveryMessage()
    {
        var document = Tools.ProtocolDocument;
        var stream = await Api.StartStreamAsync();
        using var process = Tools.StartScript(
            "Protocol/Conformance/first-snippet.mjs", document, Api.Gateways[1].Authority, stream.Id, await Api.TokenAsync("first snippet"), $"{Seconds}");
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(Seconds + 30));
        for (var i = 0; !process.HasExited; i++)
        {
            await stream.PostAsync("quality", RuleSteps.Quality("720p", 1000 + i));
            await stream.PostAsync("bitrate", $$"""{"current_bitrate_kbps":{{1000 + i}}}""");
            await Task.WhenAny(process.WaitForExitAsync(timeout.Token), Task.Delay(TimeSpan.FromSeconds(2), timeout.Token));
            timeout.Token.ThrowIfCancellationRequested();
        }

        Assert.True(process.ExitCode == 0, await errors);
        var lines = (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonElement.Parse(line)).ToList();
        Assert.DoesNotContain(lines, line => line.TryGetProperty("failed", out _));
        Assert.True(lines[0].TryGetProperty("opened", out _), lines[0].GetRawText());
        var events = lines.Where(line => line.TryGetProperty("event", out _)).Select(line => line.GetProperty("event").GetString()!).ToList();
        Assert.Equal([EventNames.ConnectionEstablished, EventNames.StreamStarted], events.Take(2));
        string[] others = [EventNames.ViewerCountChanged, EventNames.QualityChanged, EventNames.BitrateUpdate, EventNames.Ping];
        Assert.Empty(others.Except(events));
    }
}
