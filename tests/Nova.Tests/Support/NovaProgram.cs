using System.Diagnostics;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Nova.Tests.Support;

/// <summary>Nova.Standalone in its own process, as its users start it, with all its output.</summary>
public sealed class NovaProgram : IAsyncDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _folder = Tools.TemporaryFolder("nova-program-");
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly TaskCompletionSource<Uri> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private NovaProgram(IReadOnlyDictionary<string, string> environment, int openFiles)
    {
        string[] program = ["dotnet", Path.Combine(AppContext.BaseDirectory, "Nova.Standalone.dll"), "--port", "0", "--demo", "false", "--data", Data];
        var start = openFiles == 0
            ? new ProcessStartInfo(program[0], program[1..])
            : new ProcessStartInfo("/bin/bash", ["-c", $"ulimit -n {openFiles}; exec \"$@\"", "limited", .. program]);
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Read(line.Data);
        _process.ErrorDataReceived += (_, line) => Read(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public Uri Address => _ready.Task.Result;

    /// <summary>The key that signs its tokens, in base64.</summary>
    public string SigningKey => File.ReadAllText(Path.Combine(Data, "signing.key"));

    /// <summary>The output so far, including logs.</summary>
    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    private string Data => Path.Combine(_folder.FullName, "data");

    /// <param name="openFiles">The open-file limit of the process; 0 keeps the default.</param>
    public static async Task<NovaProgram> StartAsync(IReadOnlyDictionary<string, string>? environment = null, int openFiles = 0)
    {
        var program = new NovaProgram(environment ?? new Dictionary<string, string>(), openFiles);
        try
        {
            await program._ready.Task.WaitAsync(StartTimeout);
            return program;
        }
        catch (TimeoutException)
        {
            var output = program.Output;
            await program.DisposeAsync();
            throw new Xunit.Sdk.XunitException($"Nova did not become ready: {output}");
        }
    }

    public async Task<string> TokenAsync(string subject, string role = "viewer")
    {
        using var http = new HttpClient { BaseAddress = Address, Timeout = Api.Patience };
        using var answer = await http.PostAsJsonAsync("/dev/tokens", new { sub = subject, role });
        return (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("token").GetString()!;
    }

    public async Task StopAsync()
    {
        if (!_process.HasExited)
        {
            Tools.Interrupt(_process);
            using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            await _process.WaitForExitAsync(timeout.Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    private void Read(string? line)
    {
        const string Ready = "Nova is ready: ";
        lock (_output)
        {
            _output.AppendLine(line);
        }

        if (line?.StartsWith(Ready, StringComparison.Ordinal) == true)
        {
            _ready.TrySetResult(new Uri(line[Ready.Length..]));
        }
    }
}
