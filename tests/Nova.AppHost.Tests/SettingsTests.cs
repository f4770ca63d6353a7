using System.Diagnostics;

namespace Nova.AppHost.Tests;

/// <summary>Values that the AppHost cannot use: a sentence for each, before anything is started.</summary>
public sealed class SettingsTests
{
    /// <summary>In its own folder, where everything that it needs to run is.</summary>
    private static string Program => Path.Combine(AppContext.BaseDirectory.Replace($"tests{Path.DirectorySeparatorChar}Nova.AppHost.Tests", "Nova.AppHost"), "Nova.AppHost.dll");

    [Fact]
    public async Task Run_WithWrongSettings_NamesEachOfThem_AndEndsWith1()
    {
        var start = new ProcessStartInfo(
            "dotnet",
            [Program, "--Nova:Infrastructure=Cloud", "--Nova:Demo=1", "--Nova:GatewayPort=0", "--Nova:Replicas=many"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetDirectoryName(Program),
        };
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(
            [
                "Nova:Infrastructure must be Containers or Local; it is Cloud.",
                "Nova:Demo must be Auto or Manual; it is 1.",
                "Nova:GatewayPort must be a number from 1 to 65535; it is 0.",
                "Nova:Replicas must be a number from 1 to 8; it is many.",
            ],
            (await errors).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Trim()));
        Assert.Equal("", await output);
        Assert.Equal(1, process.ExitCode);
    }
}
