using System.Text.RegularExpressions;
using Nova.Tests.Support;

namespace Nova.Tests.Contracts;

/// <summary>The shell blocks of the pages for newcomers, run in order as a newcomer would, against a Nova that runs.</summary>
public sealed partial class WalkTests(NovaFixture nova)
{
    [Theory]
    [InlineData("quickstart.md", """ "status":"active"|"quality":"720p"|"issues":[]|"timeline": """)]
    [InlineData("publish.md", """ "status":"active"|"quality":"720p"|My first broadcast, part 2|"end_reason":"broadcaster_ended"|VERSION_MISMATCH """)]
    public async Task ShellBlocks_RunAsWritten(string page, string says)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The blocks are for bash.");
        var script = string.Join('\n', ShellBlock().Matches(await File.ReadAllTextAsync(Path.Combine(Tools.Root, "docs", page), TestContext.Current.CancellationToken))
            .SelectMany(block => block.Groups[1].Value.Split('\n'))
            .Where(line => !line.Contains("wscat", StringComparison.Ordinal) && !line.Contains("curl -sN", StringComparison.Ordinal) && !line.StartsWith("python3", StringComparison.Ordinal)))
            .Replace("http://127.0.0.1:8080", nova.Stack.Gateways[0].OriginalString.TrimEnd('/'), StringComparison.Ordinal); // Those three wait for Ctrl+C.
        using var bash = Tools.Start("bash", ["-euo", "pipefail", "-c", $"{script}\nwait"]);
        var output = await bash.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await bash.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(bash.ExitCode == 0, $"{page}: {await bash.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken)}\n{output}");
        Assert.All(says.Trim().Split('|'), part => Assert.Contains(part, output));
        Assert.Equal(page == "publish.md" ? 1 : 0, Count(output, "\"error_code\"")); // publish.md shows a conflict.
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;

    [GeneratedRegex("\n```sh\n(.*?)\n```", RegexOptions.Singleline)]
    private static partial Regex ShellBlock();
}
