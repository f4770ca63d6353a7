using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Contracts;

/// <summary>The programs that the guides show: they are the files in <c>samples</c>, to the letter, and do what the guides say.</summary>
public sealed class SampleTests(NovaFixture nova)
{
    private static readonly string Samples = Path.Combine(Tools.Root, "samples");

    [Theory]
    [InlineData("integrate-viewers.md", "html", "watch.html", 60)]
    [InlineData("publish.md", "python", "publish.py", 40)]
    [InlineData("tokens.md", "js", "token.mjs", 40)]
    [InlineData("tokens.md", "python", "token.py", 40)]
    [InlineData("tokens.md", "csharp", "token.cs", 40)]
    [InlineData("tokens.md", "go", "token.go", 40)]
    public void Guide_ShowsTheFile_WhichIsShort(string guide, string language, string sample, int lines)
    {
        var program = File.ReadAllText(Path.Combine(Samples, sample));
        Assert.Contains($"\n```{language}\n{program}```\n", File.ReadAllText(Path.Combine(Tools.Root, "docs", guide)));
        Assert.InRange(program.Count(letter => letter == '\n'), 1, lines);
    }

    [Theory]
    [InlineData("token.mjs")]
    [InlineData("token.py")]
    public async Task TokenProgram_ItsToken_IsAccepted(string sample)
    {
        using var program = Start(
            sample.EndsWith(".py", StringComparison.Ordinal) ? Tools.Python : Tools.Node, sample, ["alice", "broadcaster"],
            ("NOVA_ISSUER", NovaFixture.Issuer), ("NOVA_SIGNING_KEY", nova.SigningKey));
        var token = (await program.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken)).Trim();
        var answer = await nova.Api.SendAsync(HttpMethod.Post, "/api/v1/streams", """{"title":"A test"}""", token);
        Assert.Equal(HttpStatusCode.Created, answer.Status);
        Assert.Equal("alice", answer.Text("broadcaster_id"));
    }

    [Fact]
    public async Task PublishProgram_UntilCtrlC_PublishesAndEnds()
    {
        const string Live = "Live: ";
        using var program = Start(Tools.Python, "publish.py", ["A test"], ("NOVA", nova.Stack.Gateways[0].OriginalString));
        try
        {
            var line = await program.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Api.Patience);
            Assert.True(line?.StartsWith(Live, StringComparison.Ordinal), line);
            var stream = new TestStream(nova.Api, line![Live.Length..], "me", await nova.Api.TokenAsync("me", "broadcaster"));
            await using var viewer = await stream.WatchAsync();
            var changed = await viewer.WaitForAsync(EventNames.QualityChanged);
            Assert.Equal("720p", changed.Text("new_quality"));
            await viewer.WaitForAsync(EventNames.BitrateUpdate, measured => measured.GetProperty("quality").GetString() == "720p");
            Tools.Interrupt(program);
            var ended = await viewer.WaitForAsync(EventNames.StreamEnded);
            Assert.Equal("broadcaster_ended", ended.Text("reason"));
            await program.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Api.Patience);
            Assert.Equal(0, program.ExitCode);
        }
        finally
        {
            program.Kill();
        }
    }

    /// <summary>After a mistake there is one line that says which, and no endless repeating.</summary>
    [Fact]
    public async Task PublishProgram_Refused_SaysWhyAndStops()
    {
        using var program = Start(Tools.Python, "publish.py", [""], ("NOVA", nova.Stack.Gateways[0].OriginalString));
        var errors = await program.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await program.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Api.Patience);
        Assert.Equal(1, program.ExitCode);
        Assert.Contains("title", JsonElement.Parse(errors[errors.IndexOf('{')..]).GetProperty("errors").EnumerateObject().Select(error => error.Name));
    }

    private static Process Start(string program, string sample, string[] arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, [Path.Combine(Samples, sample), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }
}
