using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Nova.LoadTest.Generator;

namespace Nova.LoadTest.Systems;

/// <summary>A program on chosen cores. Its output goes to a log file; an error message contains the last lines.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private const int SigTerm = 15;
    private const int SigKill = 9;
    private const int LinesInError = 8;

    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(20);

    private readonly Process _process;
    private readonly string _name;
    private readonly Queue<string> _lastLines = [];

    private ServerProcess(string name, Process process, string logFile)
    {
        _name = name;
        _process = process;
        var log = TextWriter.Synchronized(new StreamWriter(logFile, append: true) { AutoFlush = true });
        DataReceivedEventHandler recordLine = (_, line) => RecordLine(line.Data, log);
        process.OutputDataReceived += recordLine;
        process.ErrorDataReceived += recordLine;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Id => _process.Id;

    /// <param name="name">Name in messages and of the log file.</param>
    /// <param name="cores">Core list for <c>taskset -c</c>, which executes the program in its own process, so the process id stays the same.</param>
    /// <param name="command">Program and arguments.</param>
    /// <param name="environment">Added to this process's own.</param>
    /// <param name="folder">
    /// Folder of the log. The program's current folder is an empty subfolder: ASP.NET Core watches its current folder for changed settings, and
    /// every line of a log would wake it.
    /// </param>
    public static ServerProcess Start(
        string name, string cores, IEnumerable<string> command, IReadOnlyDictionary<string, string> environment, string folder)
    {
        var start = new ProcessStartInfo("taskset", ["-c", cores, .. command])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Directory.CreateDirectory(Path.Combine(folder, $"{name}-current")).FullName,
        };
        foreach (var (key, value) in environment)
        {
            start.Environment[key] = value;
        }

        return new ServerProcess(name, Process.Start(start)!, Path.Combine(folder, $"{name}.log"));
    }

    /// <exception cref="LoadTestException">The program ended, or was not healthy in time.</exception>
    public async Task WaitUntilHealthyAsync(Uri health, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        await WaitUntilAsync(() => IsHealthyAsync(http, health, cancellationToken), cancellationToken);
    }

    /// <exception cref="LoadTestException">The program ended, or did not listen in time.</exception>
    public Task WaitUntilListeningAsync(int port, CancellationToken cancellationToken) => WaitUntilAsync(
        async () =>
        {
            using var client = new TcpClient();
            try
            {
                await client.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        },
        cancellationToken);

    private async Task WaitUntilAsync(Func<Task<bool>> isReady, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await isReady())
        {
            if (_process.HasExited || Stopwatch.GetElapsedTime(started) > StartTimeout)
            {
                lock (_lastLines)
                {
                    throw new LoadTestException($"{_name} {(_process.HasExited ? "ended" : "did not become ready")}:\n  {string.Join("\n  ", _lastLines)}");
                }
            }

            await Task.Delay(20, cancellationToken);
        }
    }

    /// <summary>Kills the program with SIGKILL, so that it closes no connection properly, as in a crash.</summary>
    public async Task KillAsync()
    {
        Linux.kill(_process.Id, SigKill);
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            Linux.kill(_process.Id, SigTerm);
            using var timeout = new CancellationTokenSource(StopTimeout);
            try
            {
                await _process.WaitForExitAsync(timeout.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill(entireProcessTree: true);
            }
        }

        _process.Dispose();
    }

    private static async Task<bool> IsHealthyAsync(HttpClient http, Uri health, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await http.GetAsync(health, cancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (Exception problem) when (problem is HttpRequestException or SocketException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private void RecordLine(string? line, TextWriter log)
    {
        if (line is null)
        {
            return;
        }

        log.WriteLine(line);
        lock (_lastLines)
        {
            _lastLines.Enqueue(line);
            if (_lastLines.Count > LinesInError)
            {
                _lastLines.Dequeue();
            }
        }
    }
}
