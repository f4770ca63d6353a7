namespace Nova.AppHost.Tests;

/// <summary>Values that the AppHost cannot use: a sentence for each, before anything is started.</summary>
public sealed class SettingsTests
{
    [Fact]
    public async Task Run_WithWrongSettings_NamesEachOfThem_AndEndsWith1()
    {
        var ended = await Command.RunAsync(
            Path.GetDirectoryName(Command.AppHost)!,
            "dotnet",
            Command.AppHost, "--Nova:Infrastructure=Cloud", "--Nova:Demo=1", "--Nova:GatewayPort=0", "--Nova:Replicas=many");
        Assert.Equal(
            [
                "Nova:Infrastructure must be Containers or Local; it is Cloud.",
                "Nova:Demo must be Auto or Manual; it is 1.",
                "Nova:GatewayPort must be a number from 1 to 65535; it is 0.",
                "Nova:Replicas must be a number from 1 to 8; it is many.",
            ],
            ended.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Trim()));
        Assert.Equal("", ended.Output);
        Assert.Equal(1, ended.ExitCode);
    }
}
