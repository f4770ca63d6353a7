using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Nova.Tests.Support;

namespace Nova.Tests.Standalone;

/// <summary>The program a newcomer runs: what it prints, how it fails, and that it leaves nothing behind.</summary>
public sealed class StandaloneProgramTests : IDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(40);

    private readonly DirectoryInfo _folder = Tools.TemporaryFolder("nova-program-");

    private readonly List<Process> _started = [];

    /// <summary>A test that fails half-way leaves nothing running either.</summary>
    public void Dispose()
    {
        foreach (var process in _started)
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }

        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Run_UntilCtrlC_PrintsWhatANewcomerNeeds_AndLeavesNothingRunning()
    {
        var process = Start("--port", "0", "--gateways", "2", "--demo");
        var lines = await ReadUntilReadyAsync(process);
        Assert.True(System.Text.RegularExpressions.Regex.IsMatch(lines[0], @"^Nova is ready: http://127\.0\.0\.1:\d+$"), string.Join('\n', lines));
        Assert.Single(lines, line => System.Text.RegularExpressions.Regex.IsMatch(line, @"^  Gateways      http://127\.0\.0\.1:\d+ http://127\.0\.0\.1:\d+$")); // D8
        Assert.Contains($"  Data folder   {Path.Combine(_folder.FullName, "data")}", lines); // D9
        var postgres = await PostgresOfAsync();
        Assert.NotEmpty(postgres);

        var page = lines.Single(line => line.Contains("Watch it")).Split("  ").Last().Trim();
        using var http = new HttpClient();
        Assert.Contains("<title>Nova</title>", await http.GetStringAsync(page));
        var socket = lines.Single(line => line.Contains("WebSocket")).Split("  ").Last().Trim();
        Assert.Equal(HttpStatusCode.UpgradeRequired, (await http.GetAsync(socket.Replace("ws://", "http://"))).StatusCode);
        Assert.Contains(lines, line => line.Contains("curl -X POST"));

        var stopping = Stopwatch.StartNew();
        Signal(process, Interrupt);
        await process.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(10)).Token);
        Assert.InRange(stopping.Elapsed.TotalSeconds, 0, 5);
        Assert.Equal(0, process.ExitCode);
        Assert.Empty(await PostgresOfAsync());
        Assert.Equal("", await process.StandardError.ReadToEndAsync());
    }

    [Fact]
    public async Task Kill_OfTheProcess_TakesItsPostgresAlong_AndTheNextRunHasTheData()
    {
        var killed = Start("--port", "0", "--demo", "false");
        await ReadUntilReadyAsync(killed);
        killed.Kill();
        await killed.WaitForExitAsync();

        await Eventually.TrueAsync(async () => (await PostgresOfAsync()).Length == 0, "PostgreSQL stopped by itself");
        var again = Start("--port", "0", "--no-demo");
        await ReadUntilReadyAsync(again);

        var second = Start("--port", "0", "--demo", "false");
        await second.WaitForExitAsync(new CancellationTokenSource(StartTimeout).Token);
        Assert.Equal(1, second.ExitCode);
        Assert.Matches(@"^The data folder \S+ is in use by another Nova; choose another with --data\.\n$", await second.StandardError.ReadToEndAsync());

        Signal(again, Interrupt);
        await again.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(10)).Token);
    }

    [Fact]
    public async Task Run_OnAPortInUse_SaysSoInOneLine()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var process = Start("--port", $"{port}");
        await process.WaitForExitAsync(new CancellationTokenSource(StartTimeout).Token);
        Assert.Equal(1, process.ExitCode);
        var offer = System.Text.RegularExpressions.Regex.Match(await process.StandardError.ReadToEndAsync(), $@"^Port {port} is in use; choose another with --port: (\d+) is free\.\n$");
        using var offered = new TcpListener(IPAddress.Loopback, int.Parse(offer.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture));
        offered.Start();
    }

    [Theory]
    [InlineData("--gateways", "0", "--gateways")]
    [InlineData("--port", "70000", "--port")]
    [InlineData("--port", "x", "--port")]
    [InlineData("--demo", "maybe", "maybe")]
    public async Task Run_WithABadOption_NamesIt(string option, string value, string named)
    {
        var process = Start(option, value);
        await process.WaitForExitAsync(new CancellationTokenSource(StartTimeout).Token);
        Assert.Equal(1, process.ExitCode);
        Assert.Contains(named, await process.StandardError.ReadToEndAsync());
    }

    private const int Interrupt = 2;

    private Process Start(params string[] arguments)
    {
        var process = Tools.Start(
            "dotnet", [Path.Combine(AppContext.BaseDirectory, "Nova.Standalone.dll"), "--data", Path.Combine(_folder.FullName, "data"), .. arguments]);
        _started.Add(process);
        return process;
    }

    private static async Task<List<string>> ReadUntilReadyAsync(Process process)
    {
        using var timeout = new CancellationTokenSource(StartTimeout);
        List<string> lines = [];
        while (await process.StandardOutput.ReadLineAsync(timeout.Token) is { } line)
        {
            lines.Add(line);
            if (line.Contains("Ctrl+C"))
            {
                return lines;
            }
        }

        throw new Xunit.Sdk.XunitException($"It ended: {string.Join('\n', lines)}{await process.StandardError.ReadToEndAsync()}");
    }

    /// <summary>PostgreSQL servers of this test's folder, by their command lines.</summary>
    private async Task<string[]> PostgresOfAsync()
    {
        using var process = Tools.Start("ps", ["-eo", "args"]);
        return [.. (await process.StandardOutput.ReadToEndAsync()).Split('\n').Where(line => line.Contains("postgres -D") && line.Contains(_folder.Name))];
    }

    private static void Signal(Process process, int signal) => Assert.Equal(0, Kill(process.Id, signal));

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int processId, int signal);
}
