using System.Diagnostics;

namespace Nova.AppHost.Tests;

/// <summary>A resource that cannot start keeps those that depend on it waiting: whoever looks at the terminal hears why.</summary>
public sealed class FailedStartTests
{
    [Fact]
    public async Task Run_WhereTheServersCannotStart_SaysWhichAndWhy()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Another path would be needed.");
        var start = new ProcessStartInfo("dotnet", [Command.AppHost, "--Nova:Infrastructure=Local", "--Nova:DataFolder=/dev/null/nova"])
        {
            RedirectStandardOutput = true,
            WorkingDirectory = Path.GetDirectoryName(Command.AppHost),
        };
        start.Environment["DOTNET_ENVIRONMENT"] = "Development"; // Elsewhere Aspire reads no user secrets, and writes new ones over the developer's.
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        start.Environment["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"] = "http://127.0.0.1:0";
        start.Environment["ASPIRE_ALLOW_UNSECURED_TRANSPORT"] = "true";
        using var process = Process.Start(start)!;
        try
        {
            using var deadline = new CancellationTokenSource(GatewayApi.Patience);
            string? line;
            do
            {
                line = await process.StandardOutput.ReadLineAsync(deadline.Token);
            }
            while (line?.Contains("Nova is not ready") == false);
            Assert.Contains("local-infra ended with exit code 1. LocalInfra:DataFolder cannot be used: Could not find a part of the path '/dev/null/nova'.", line);
        }
        finally
        {
            (await Command.RunAsync("/", "kill", "-INT", $"{process.Id}")).Succeeds();
            await process.WaitForExitAsync();
        }
    }
}
