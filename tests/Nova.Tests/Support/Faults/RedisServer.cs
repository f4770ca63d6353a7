using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using StackExchange.Redis;

namespace Nova.Tests.Support.Faults;

/// <summary>A real Redis in a process of its own, without persistence: it comes back empty, as after a failover to a fresh machine.</summary>
public sealed class RedisServer : IAsyncDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(5);

    private Process? _process;

    public int Port { get; } = FreePort.Find();

    public bool IsRunning => _process is { HasExited: false };

    public string Address => $"127.0.0.1:{Port}";

    /// <summary>Starts it, for the first time or after it was killed: empty, on the same port.</summary>
    public async Task StartAsync(params string[] arguments)
    {
        _process?.Dispose();
        _process = Launch(Port, arguments);
        await WaitUntilReadyAsync();
    }

    /// <summary>Redis keeps its connections and answers nothing.</summary>
    public void Freeze() => Signals.Send(_process!.Id, Signals.Stop);

    public void Thaw()
    {
        if (IsRunning)
        {
            Signals.Send(_process!.Id, Signals.Continue);
        }
    }

    public async Task KillAsync()
    {
        if (_process is { HasExited: false })
        {
            _process.Kill();
            await _process.WaitForExitAsync();
            ProcessGuard.Forget(_process);
        }
    }

    public async Task<RedisResult> ExecuteAsync(string command, params object[] arguments)
    {
        await using var connection = await ConnectionMultiplexer.ConnectAsync($"{Address},allowAdmin=true");
        return await connection.GetDatabase().ExecuteAsync(command, arguments);
    }

    /// <summary>Redis' own command line, which talks to this node and follows no redirection.</summary>
    public async Task<string> CliAsync(params string[] arguments)
    {
        using var cli = Tools.Start("redis-cli", ["-p", $"{Port}", .. arguments]);
        var answer = await cli.StandardOutput.ReadToEndAsync();
        await cli.WaitForExitAsync();
        return answer;
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process?.Dispose();
        _process = null;
    }

    private static Process Launch(int port, string[] arguments)
    {
        var process = ProcessGuard.Start(new ProcessStartInfo(
            Find(),
            [
                "--port", $"{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--loglevel", "warning",
                "--dir", Path.GetTempPath(), .. arguments,
            ])
        {
            RedirectStandardOutput = true,
        });
        process.OutputDataReceived += static (_, _) => { };
        process.BeginOutputReadLine();
        return process;
    }

    /// <summary>As in <see cref="Tools"/>: a missing program skips a test visibly on a developer's machine and fails it in CI.</summary>
    private static string Find()
    {
        const string Message = "Redis 7 is missing: apt-get install redis-server.";
        var found = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Select(folder => Path.Combine(folder, "redis-server")).FirstOrDefault(File.Exists);
        if (found is null)
        {
            Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") is "true" or "1", Message);
            Assert.Fail(Message);
        }

        return found;
    }

    /// <summary>Without data to load it serves as soon as it listens.</summary>
    private async Task WaitUntilReadyAsync() => await Eventually.TrueAsync(
        async () =>
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, Port);
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        },
        "Redis listens", StartTimeout);
}
