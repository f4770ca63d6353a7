using System.Diagnostics;
using System.Net.Sockets;

namespace Nova.Tests.Support.Faults;

/// <summary>A service of the lab that can be started anew: whoever reaches it does so through a link, which follows it.</summary>
/// <param name="name"><c>Gateway</c>, <c>StreamState</c> or <c>Telemetry</c>.</param>
public sealed class LabService(string name, IReadOnlyDictionary<string, string> environment) : IAsyncDisposable
{
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(20) };

    private readonly List<Link> _linksToIt = [];

    public ServiceProcess Process { get; private set; } = null!;

    /// <summary>Where tests and viewers reach it; the address survives its restarts.</summary>
    public Link Front => _linksToIt[0];

    public async Task StartAsync()
    {
        if (_linksToIt.Count == 0)
        {
            LinkToIt();
        }

        Process = await ServiceProcess.StartAsync(name, environment);
        _linksToIt.ForEach(link => link.LeadTo(Process.Address.Port));
    }

    /// <summary>One more way to it, for one of its clients.</summary>
    public Link LinkToIt()
    {
        var link = new Link(Process?.Address.Port ?? 0);
        _linksToIt.Add(link);
        return link;
    }

    /// <summary>It dies, and its port refuses connections.</summary>
    public async Task KillAsync()
    {
        await Process.KillAsync();
        _linksToIt.ForEach(link => link.Shut());
    }

    /// <summary>Its clients' connections carry nothing; the tests' own way to it stays.</summary>
    public void FreezeClients() => _linksToIt.Skip(1).ToList().ForEach(link => link.Freeze());

    /// <summary>Ends what was done to the ways to it, and to itself.</summary>
    public async Task HealAsync()
    {
        _linksToIt.ForEach(link => link.Heal());
        if (Process.IsRunning)
        {
            Process.Resume();
        }
        else
        {
            await Process.DisposeAsync();
            await StartAsync();
        }
    }

    /// <summary>What a probe gets, past every link. Status 0 means that no answer came in 20 s.</summary>
    public async Task<Probe> ProbeAsync(string path)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            using var answer = await Http.GetAsync(new Uri(Process.Address, path));
            return new Probe((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(), Stopwatch.GetElapsedTime(started));
        }
        catch (Exception exception) when (exception is HttpRequestException or SocketException or TaskCanceledException)
        {
            return new Probe(0, exception.Message, Stopwatch.GetElapsedTime(started));
        }
    }

    public async Task<bool> IsHealthyAsync() => await ProbeAsync("/health") is { Status: 200, Body: "Healthy" };

    public async ValueTask DisposeAsync()
    {
        if (Process is not null)
        {
            await Process.DisposeAsync();
        }

        foreach (var link in _linksToIt)
        {
            await link.DisposeAsync();
        }
    }
}

public sealed record Probe(int Status, string Body, TimeSpan Took);
