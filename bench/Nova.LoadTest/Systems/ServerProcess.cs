using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Nova.LoadTest.Generator;

namespace Nova.LoadTest.Systems;

/// <summary>A program on chosen cores. Its output goes to a file; the last lines are told where it does not start.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private const int SigTerm = 15;
    private const int SigKill = 9;
    private const int LinesToTell = 8;

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
        DataReceivedEventHandler keep = (_, line) => Keep(line.Data, log);
        process.OutputDataReceived += keep;
        process.ErrorDataReceived += keep;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Id => _process.Id;

    /// <param name="name">For messages and the log's name.</param>
    /// <param name="cores">As <c>taskset -c</c> takes them. It replaces itself by the program, so the process id stays.</param>
    /// <param name="command">Program and arguments.</param>
    /// <param name="environment">Added to this process's own.</param>
    /// <param name="folder">
    /// Where the log goes. The program's current folder is an empty one in there: ASP.NET Core watches it for changed settings, and would be
    /// woken for every line of a log.
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

    /// <exception cref="LoadTestException">It ended, or did not answer in time.</exception>
    public async Task WaitUntilHealthyAsync(Uri health, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        await WaitUntilAsync(() => AnswersAsync(http, health, cancellationToken), cancellationToken);
    }

    /// <exception cref="LoadTestException">It ended, or did not listen in time.</exception>
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
                    throw new LoadTestException($"{_name} {(_process.HasExited ? "ended" : "does not get ready")}:\n  {string.Join("\n  ", _lastLines)}");
                }
            }

            await Task.Delay(20, cancellationToken);
        }
    }

    /// <summary>As a crash would: nothing is said to anybody.</summary>
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

    private static async Task<bool> AnswersAsync(HttpClient http, Uri health, CancellationToken cancellationToken)
    {
        try
        {
            using var answer = await http.GetAsync(health, cancellationToken);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception problem) when (problem is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private void Keep(string? line, TextWriter log)
    {
        if (line is null)
        {
            return;
        }

        log.WriteLine(line);
        lock (_lastLines)
        {
            _lastLines.Enqueue(line);
            if (_lastLines.Count > LinesToTell)
            {
                _lastLines.Dequeue();
            }
        }
    }
}
