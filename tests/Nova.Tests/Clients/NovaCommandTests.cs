using System.Diagnostics;
using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Clients;

/// <summary>The <c>nova</c> command as its users run it, in a process of its own.</summary>
public sealed class NovaCommandTests(NovaFixture nova) : IDisposable
{
    private readonly DirectoryInfo _folder = Tools.TemporaryFolder("nova-cli-");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private string Gateway => nova.Stack.Gateways[0].OriginalString;

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Broadcast_ByHand_FromCreateToEnd()
    {
        var id = (await OkAsync("create", "By hand", "--start")).Trim();
        Assert.True(Guid.TryParse(id, out _), id);
        await using var viewer = await new TestStream(nova.Api, id, "", "").WatchAsync();
        Assert.Contains("4k at 12000 kbps", await OkAsync("quality", id, "4k", "12000", "--reason", "adaptive_bitrate"));
        Assert.Equal("adaptive_bitrate", (await viewer.WaitForAsync(EventNames.QualityChanged)).Text("reason"));
        await OkAsync("bitrate", id, "11000");
        await viewer.WaitForAsync(EventNames.BitrateUpdate);
        await OkAsync("error", id, "BUFFER_OVERFLOW", "--message", "Too [much]");
        Assert.Equal("Too [much]", (await viewer.WaitForAsync(EventNames.Error)).Text("error_message"));
        var listed = (await OkAsync("streams", "--live", "--json")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonElement.Parse(line));
        Assert.Contains(listed, stream => stream.GetProperty("stream_id").GetString() == id && stream.GetProperty("quality").GetString() == "4k");
        Assert.Contains("By hand", await OkAsync("streams"));
        await OkAsync("kick", id, viewer.Frames[0].Text("viewer_id"));
        Assert.Equal(4403, await viewer.WaitForCloseAsync());
        Assert.NotEmpty(await OkAsync("qoe", id));
        Assert.Contains("ended", await OkAsync("end", id));

        var twice = await RunAsync("end", id);
        Assert.Equal((1, "INVALID_TRANSITION"), (twice.ExitCode, JsonElement.Parse((await RunAsync("end", id, "--json")).Errors).GetProperty("error_code").GetString()));
        Assert.DoesNotContain("Exception", twice.Errors);
    }

    [Theory]
    [InlineData(2, "viewer must be a UUID, but is 'x'.", "kick", "0199a3f0-0000-7000-8000-000000000000", "x")]
    [InlineData(2, "quality must be one of 720p, 1080p, 4k, auto, but is '480p'.", "quality", "0199a3f0-0000-7000-8000-000000000000", "480p", "100")]
    [InlineData(2, "--since must be a time such as", "issues", "--since", "yesterday")]
    [InlineData(2, "--address must be a gateway's address", "streams", "--address", "localhost")]
    [InlineData(2, "There is no profile 'none'", "streams", "--profile", "none")]
    [InlineData(2, "cannot be read", "broadcast", "--script", "none.yaml")]
    [InlineData(1, "There is no stream with this id", "end", "0199a3f0-0000-7000-8000-000000000000")]
    [InlineData(1, "There is no stream with this id", "watch", "0199a3f0-0000-7000-8000-000000000000")]
    [InlineData(2, "--speed must be more than 0", "broadcast", "--script", "none.yaml", "--speed", "abc")]
    [InlineData(1, "There is no stream with this id", "trigger", "viewer_count_changed", "--stream", "0199a3f0-0000-7000-8000-000000000000")]
    [InlineData(3, "Try: nova doctor", "watch", "0199a3f0-0000-7000-8000-000000000000", "--address", "http://127.0.0.1:1")]
    [InlineData(3, "Try: nova doctor", "streams", "--address", "http://127.0.0.1:1")]
    public async Task Mistake_IsOneSentence_AndAnExitCode(int exitCode, string says, params string[] arguments)
    {
        var result = await RunAsync(arguments);
        Assert.Equal(exitCode, result.ExitCode);
        Assert.Contains(says, result.Errors);
        Assert.InRange(result.Errors.Trim().Split('\n').Length, 1, 2);
        Assert.DoesNotContain("   at ", result.Errors);
    }

    [Fact]
    public async Task Login_WithAKey_MakesTokensThatNovaAccepts_AndShowsTheKeyToNobody()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "profiles.json"), "{}", Stop); // Readable to all: it does not stay so.
        var login = await RunAsync(["login", "--profile", "staging", "--address", Gateway, "--key", "--issuer", NovaFixture.Issuer], ("NOVA_SIGNING_KEY", nova.SigningKey));
        Assert.True(login.ExitCode == 0, login.Errors);
        var file = Path.Combine(_folder.FullName, "profiles.json");
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }

        var token = (await RunAsync("token", "--profile", "staging", "--role", "operator", "--lifetime", "2m")).Output.Trim();
        Assert.Equal(System.Net.HttpStatusCode.OK, (await nova.Api.SendAsync(HttpMethod.Get, "/api/v1/issues", null, token)).Status);
        Assert.DoesNotContain(nova.SigningKey, login.Output + login.Errors + (await RunAsync("streams", "--profile", "staging")).Output);

        await RunAsync("login", "--profile", "staging", "--address", Gateway); // Another address, the same key.
        Assert.Equal(0, (await RunAsync("token", "--profile", "staging", "--role", "operator", "--viewer-id", Guid.NewGuid().ToString())).ExitCode);
        var wrong = await RunAsync(["login", "--key"], ("NOVA_SIGNING_KEY", "short"));
        Assert.Equal(2, wrong.ExitCode);
        Assert.Contains("base64 of at least 32 bytes", wrong.Errors);
        var fixedToken = await RunAsync(["login", "--profile", "fixed", "--address", Gateway, "--token"], ("NOVA_TOKEN", token));
        Assert.True(fixedToken.ExitCode == 0, fixedToken.Errors);
        Assert.Equal(0, (await RunAsync("streams", "--profile", "fixed")).ExitCode);
        Assert.Contains("no other can be made", (await RunAsync("token", "--profile", "fixed")).Errors);
    }

    [Fact]
    public async Task Script_IsBroadcast_AndItsRecordingIsTheSame()
    {
        var script = Path.Combine(_folder.FullName, "night.yaml");
        await File.WriteAllTextAsync(script, """
            title: Speedrun night
            quality: 1080p
            bitrate_kbps: 5000
            steps:
              - at: 100s
                quality: 720p
                bitrate_kbps: 3000
                reason: network_congestion
              - {at: 105s, title: Finals}
              - {at: 110s, bitrate: 2900}
              - at: 120s
                error: {code: BUFFER_OVERFLOW, message: Too much}
              - {at: 130s, end: error}
            """, Stop);
        var recording = Path.Combine(_folder.FullName, "night.jsonl");
        var first = await PlayAsync(script, recording);
        Assert.Equal(
            [EventNames.StreamStarted, EventNames.QualityChanged, EventNames.StreamUpdated, EventNames.BitrateUpdate, EventNames.Error, EventNames.StreamEnded],
            first.Where(name => name is not (EventNames.ConnectionEstablished or EventNames.ViewerCountChanged or EventNames.StreamInfo or EventNames.Ping)));
        var again = await PlayAsync(recording, Path.Combine(_folder.FullName, "again.jsonl"), speed: "1");
        Assert.Equal(first.Where(IsBroadcast), again.Where(IsBroadcast));

        await File.WriteAllTextAsync(script, "title: x\nsteps:\n  - {at: 5s, quality: 480p, bitrate_kbps: 1}\n", Stop);
        Assert.Contains("Step 1: '480p' is not one of 720p, 1080p, 4k, auto.", (await RunAsync("broadcast", "--script", script)).Errors);
        await File.WriteAllTextAsync(script, "title: x\nsteps:\n  -\n", Stop);
        Assert.Contains("Step 1 is empty.", (await RunAsync("broadcast", "--script", script)).Errors);
        await File.WriteAllTextAsync(script, "title: x\nstepps: []\n", Stop);
        Assert.Contains("line 2", (await RunAsync("broadcast", "--script", script)).Errors);

        static bool IsBroadcast(string name) => name is EventNames.QualityChanged or EventNames.StreamUpdated or EventNames.BitrateUpdate or EventNames.Error or EventNames.StreamEnded;
    }

    [Theory]
    [InlineData(EventNames.QualityChanged)]
    [InlineData(EventNames.BitrateUpdate)]
    [InlineData(EventNames.StreamUpdated)]
    [InlineData(EventNames.ViewerCountChanged)]
    [InlineData(EventNames.Error)]
    [InlineData(EventNames.StreamEnded)]
    public async Task Trigger_SendsThatEvent(string name)
    {
        var stream = await nova.Api.StartStreamAsync();
        await using var viewer = await stream.WatchAsync();
        await viewer.WaitForAsync(EventNames.ViewerCountChanged);
        var before = viewer.Frames.Count;
        Assert.Equal(stream.Id, (await OkAsync("trigger", name, "--stream", stream.Id)).Trim());
        await viewer.WaitForAsync(name, from: before);
    }

    [Fact]
    public async Task Trigger_LostAndRestored_AndAStartOfItsOwn()
    {
        var id = (await OkAsync("trigger", EventNames.StreamStarted)).Trim();
        await using var viewer = await new TestStream(nova.Api, id, "", "").WatchAsync();
        await OkAsync("trigger", ErrorCodes.RtmpConnectionLost, "--stream", id);
        await viewer.WaitForAsync(EventNames.Error, error => error.GetProperty("error_code").GetString() == ErrorCodes.RtmpConnectionLost);
        await OkAsync("trigger", ErrorCodes.RtmpConnectionRestored, "--stream", id);
        await viewer.WaitForAsync(EventNames.Error, error => error.GetProperty("error_code").GetString() == ErrorCodes.RtmpConnectionRestored);
    }

    [Fact]
    public async Task Completion_OffersCommandsAndValues()
    {
        Assert.Contains("watch", await OkAsync("[suggest:7]", "nova wa"));
        Assert.Contains("network_congestion", await OkAsync("[suggest:22]", "nova quality --reason "));
        Assert.Contains("complete -F _nova nova", await OkAsync("completion", "bash"));
        using var bash = Tools.Start("bash", ["-n", "-c", await OkAsync("completion", "bash")]);
        await bash.WaitForExitAsync(Stop);
        Assert.Equal(0, bash.ExitCode);
    }

    [Fact]
    public async Task Help_ListsEveryCommand_AndOutputInAPipeHasNoColour()
    {
        var help = await OkAsync("--help");
        Assert.All(["login", "token", "streams", "watch", "create", "start", "quality", "bitrate", "error", "end", "kick", "broadcast", "trigger", "issues", "qoe", "simulate", "doctor", "load", "completion"], name => Assert.Contains($"  {name} ", help));
        Assert.All(help.Split('\n'), line => Assert.InRange(line.Length, 0, 200));
        var stream = await nova.Api.StartStreamAsync();
        var qoe = await RunAsync(["qoe", stream.Id], ("GITHUB_ACTIONS", "true"), ("TERM", "xterm-256color"));
        Assert.DoesNotContain('\u001b', qoe.Output + await OkAsync("streams"));
        Assert.Equal(2, JsonElement.Parse((await RunAsync("kick", "x", "--json")).Errors).GetProperty("exit_code").GetInt32());
    }

    /// <summary>Plays a script and returns the events that a watching <c>nova watch --json</c> printed, which are in <paramref name="recording"/>, too.</summary>
    private async Task<IReadOnlyList<string>> PlayAsync(string script, string recording, string speed = "10")
    {
        using var playing = Start("broadcast", "--script", script, "--speed", speed, "--json");
        var live = JsonElement.Parse((await playing.StandardOutput.ReadLineAsync(Stop))!).GetProperty("stream_id").GetString()!;
        using var watching = Start("watch", live, "--json");
        var events = await watching.StandardOutput.ReadToEndAsync(Stop);
        await playing.WaitForExitAsync(Stop);
        Assert.True(playing.ExitCode == 0, await playing.StandardError.ReadToEndAsync(Stop));
        await File.WriteAllTextAsync(recording, events, Stop);
        return [.. events.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonElement.Parse(line).GetProperty("event").GetString()!)];
    }

    private async Task<string> OkAsync(params string[] arguments)
    {
        var result = await RunAsync(arguments);
        Assert.True(result.ExitCode == 0, $"{string.Join(' ', arguments)}: {result.ExitCode} {result.Errors}");
        return result.Output;
    }

    private Task<ProgramResult> RunAsync(params string[] arguments) => RunAsync(arguments, []);

    private Task<ProgramResult> RunAsync(string[] arguments, params (string Name, string Value)[] environment)
    {
        var all = new Dictionary<string, string> { ["NOVA_CONFIG"] = _folder.FullName };
        foreach (var (name, value) in environment)
        {
            all[name] = value;
        }

        return ProgramResult.RunAsync("nova", all, WithAddress(arguments));
    }

    private Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "nova.dll"), .. WithAddress(arguments)]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["NOVA_CONFIG"] = _folder.FullName;
        return Process.Start(start)!;
    }

    private string[] WithAddress(string[] arguments) =>
        arguments[0].StartsWith('[') || arguments.Any(argument => argument is "--address" or "--profile" or "--key" or "--help" or "completion") ? arguments : [.. arguments, "--address", Gateway];
}
