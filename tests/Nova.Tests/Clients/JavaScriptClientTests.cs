using Nova.Tests.Support;

namespace Nova.Tests.Clients;

/// <summary>Beside nothing else: with Chromium, Node.js and seven services it takes the whole of a small machine.</summary>
[CollectionDefinition(nameof(JavaScriptCollection), DisableParallelization = true)]
public sealed class JavaScriptCollection;

/// <summary>The tests of <c>clients/js</c>, as its README runs them: in Node.js and in Chromium, against gateways of their own.</summary>
[Collection(nameof(JavaScriptCollection))]
public sealed class JavaScriptClientTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    [Fact]
    public async Task ItsOwnTests_Pass()
    {
        _ = (Tools.Node, Tools.Chromium);
        using var npm = Tools.Start("bash", ["-c", "npm ci --loglevel=error && npm test 2>&1"], Path.Combine(Tools.Root, "clients", "js"));
        var output = npm.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = npm.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        try
        {
            await npm.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);
        }
        finally
        {
            npm.Kill(entireProcessTree: true);
        }

        var text = $"{await output}\n{await errors}";
        Assert.True(npm.ExitCode == 0, text[Math.Max(0, text.Length - 8000)..]);
    }
}
