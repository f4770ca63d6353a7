using System.Diagnostics;

namespace Nova.Tests.Support.Faults;

/// <summary>One of Nova's services in a process of its own, as an orchestrator runs it: configured by its environment, stopped by signals.</summary>
public sealed class ServiceProcess : IAsyncDisposable
{
    private const string Listening = "Now listening on: ";

    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(40);

    private readonly Process _process;
    private readonly List<string> _lines = [];
    private readonly TaskCompletionSource<Uri> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ServiceProcess(string name, IReadOnlyDictionary<string, string> environment)
    {
        Name = name;
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, $"Nova.{name}.dll")])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = AppContext.BaseDirectory,
        };
        foreach (var (key, value) in Defaults.Concat(environment))
        {
            start.Environment[key] = value;
        }

        _process = ProcessGuard.Start(start);
        _process.OutputDataReceived += (_, line) => Read(line.Data);
        _process.ErrorDataReceived += (_, line) => Read(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary><c>Gateway</c>, <c>StreamState</c> or <c>Telemetry</c>.</summary>
    public string Name { get; }

    public Uri Address => _address.Task.Result;

    public bool IsRunning => !_process.HasExited;

    /// <summary>What the service has logged so far, an event a line: time, level, category and message.</summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_lines)
            {
                return [.. _lines];
            }
        }
    }

    /// <summary>What our side failed at, or the runtime found unhandled.</summary>
    public IEnumerable<string> Failures =>
        Lines.Where(line => new[] { " fail: ", " crit: ", "Unhandled exception" }.Any(mark => line.Contains(mark, StringComparison.Ordinal)));

    private static Dictionary<string, string> Defaults => new()
    {
        ["ASPNETCORE_ENVIRONMENT"] = "Development", // For /dev/tokens.
        ["ASPNETCORE_URLS"] = "http://127.0.0.1:0",
        ["DOTNET_gcServer"] = "0",
        ["DOTNET_TC_QuickJit"] = "1", // They start in half of the time.
        ["Logging__LogLevel__Default"] = "Information",
        ["Logging__Console__FormatterName"] = "simple",
        ["Logging__Console__FormatterOptions__SingleLine"] = "true",
        ["Logging__Console__FormatterOptions__TimestampFormat"] = "HH:mm:ss.fff ",
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "",
    };

    /// <summary>Starts it and waits until it listens, not until it is ready.</summary>
    public static async Task<ServiceProcess> StartAsync(string name, IReadOnlyDictionary<string, string> environment)
    {
        var service = new ServiceProcess(name, environment);
        try
        {
            await service._address.Task.WaitAsync(StartTimeout);
            return service;
        }
        catch (TimeoutException)
        {
            await service.DisposeAsync();
            throw new Xunit.Sdk.XunitException($"{name} does not listen:\n{string.Join('\n', service.Lines)}");
        }
    }

    /// <summary>As <c>kubectl</c> or <c>systemctl</c> stop it.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> StopAsync()
    {
        Signals.Send(_process.Id, Signals.Terminate);
        using var timeout = new CancellationTokenSource(StopTimeout);
        await _process.WaitForExitAsync(timeout.Token);
        ProcessGuard.Forget(_process);
        return _process.ExitCode;
    }

    public async Task KillAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
            ProcessGuard.Forget(_process);
        }
    }

    public void Pause() => Signals.Send(_process.Id, Signals.Stop);

    public void Resume() => Signals.Send(_process.Id, Signals.Continue);

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }

    private void Read(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_lines)
        {
            _lines.Add(line);
        }

        if (line.IndexOf(Listening, StringComparison.Ordinal) is var at && at >= 0)
        {
            _address.TrySetResult(new Uri(line[(at + Listening.Length)..].Trim()));
        }
    }
}
