using Nova.LocalInfra;
using Nova.Standalone;
using Nova.Tests.Support;

namespace Nova.Tests.Standalone;

/// <summary>What the program says where it cannot start: sentences and exit code 1, before it has started anything.</summary>
public sealed class StandaloneStartTests : IDisposable
{
    private readonly DirectoryInfo _folder = Tools.TemporaryFolder("nova-start-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Run_WithWrongSettingsOfSeveralServices_NamesAllOfThem()
    {
        var ended = await RunAsync(new()
        {
            ["Gateway__MaxConnections"] = "0",
            ["Gateway__DrainWave"] = "x",
            ["StreamState__PeakInterval"] = "-1",
            ["Internal__ApiKey"] = "short",
            ["ConnectionStrings__redis"] = "redis://h/first",
            ["ConnectionStrings__telemetry"] = "mysql://h/db",
        });
        ended.AssertRefused(
            "Gateway:MaxConnections must be at least 1; it is 0.", "Gateway__MaxConnections", "Gateway:DrainWave must be a whole number", "StreamState:PeakInterval must be",
            "Internal:ApiKey cannot be used", "ConnectionStrings:redis is a URL whose path", "ConnectionStrings:telemetry begins with mysql://");
        Assert.Equal(6, ended.Errors.Trim().Split('\n').Length);
        Assert.False(Directory.Exists(Path.Combine(_folder.FullName, "data", "postgres")));
    }

    [Fact]
    public async Task Run_AsProduction_SaysThatItsKeyIsForDevelopment()
    {
        var ended = await RunAsync(new() { ["ASPNETCORE_ENVIRONMENT"] = "Production" });
        ended.AssertRefused("is a development key, made by Nova.Standalone");
    }

    [Fact]
    public async Task Run_WithMoreGatewaysThanPorts_SaysSo()
    {
        var ended = await RunAsync([], "--gateways", "2", "--port", "65535");
        ended.AssertRefused("Port 6553"); // 65535 where that one is in use.
    }

    [Fact]
    public void DataFolder_ThatIsAFile_SaysSo()
    {
        var file = Path.Combine(_folder.FullName, "file");
        File.WriteAllText(file, "");
        Assert.Equal($"The data folder {file} is a file; choose another with --data.", Refusal(file));
        var below = Path.Combine(file, "data");
        Assert.Equal($"The data folder {below} cannot be made, since {file} is a file; choose another with --data.", Refusal(below));
    }

    [Fact]
    public void DataFolder_InUse_SaysSo_UntilItIsFree()
    {
        var path = Path.Combine(_folder.FullName, "data");
        using (DataFolder.Open(path))
        {
            Assert.Equal($"The data folder {path} is in use by another Nova; choose another with --data.", Refusal(path));
        }

        DataFolder.Open(path).Dispose();
    }

    [Fact]
    public void DataFolder_ThatCannotBeWritten_SaysWhy()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "A folder that even root cannot write is needed.");
        Assert.Matches(@"^The data folder /proc/nova cannot be written \(.+\); choose another with --data\.$", Refusal("/proc/nova"));
    }

    private static string Refusal(string path) => Assert.Throws<LocalInfraException>(() => DataFolder.Open(path)).Message;

    private Task<ProgramResult> RunAsync(Dictionary<string, string> environment, params string[] arguments) =>
        ProgramResult.RunAsync("Nova.Standalone", environment, ["--data", Path.Combine(_folder.FullName, "data"), .. arguments.Contains("--port") ? arguments : ["--port", "0", .. arguments]]);
}
