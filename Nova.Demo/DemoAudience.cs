using System.Text.Json.Nodes;
using Nova.Client;
using Nova.Protocol;

namespace Nova.Demo;

/// <summary>Simulated viewers on real sockets. They join, leave and occasionally report an issue.</summary>
internal sealed class DemoAudience(IReadOnlyList<Uri> gateways, Guid streamId, string token) : IAsyncDisposable
{
    private const int MinViewers = 5;
    private const int MaxViewers = 25;

    private static readonly ViewerReport[] IssueReports =
    [
        new(IssueType.Buffering, IssueSeverity.Medium, "It stops every few seconds", Client("video.js", "Firefox 146", "Debian 12", "wifi", 4200)),
        new(IssueType.Quality, IssueSeverity.Low, "Blurry since a moment ago", Client("hls.js", "Chrome 142", "Android 16", "4g", 1800)),
    ];

    private readonly List<NovaViewer> _viewers = [];

    /// <summary>Adds or removes up to two viewers: a step of a random walk.</summary>
    public async Task ChangeSizeAsync()
    {
        _viewers.RemoveAll(viewer => viewer.Completion.IsCompleted);
        var step = _viewers.Count < MinViewers ? 2 : Random.Shared.Next(-2, 3);
        for (var i = 0; i < step && _viewers.Count < MaxViewers; i++)
        {
            var viewer = new NovaViewer(
                streamId, new NovaClientOptions { Address = gateways[Random.Shared.Next(gateways.Count)], Token = NovaClientOptions.FixedToken(token) });
            _viewers.Add(viewer);
            _ = ReportSometimesAsync(viewer);
        }

        foreach (var viewer in _viewers.Take(-step).ToList())
        {
            _viewers.Remove(viewer);
            await viewer.DisposeAsync();
        }
    }

    public async ValueTask DisposeAsync() => await Task.WhenAll(_viewers.Select(viewer => viewer.DisposeAsync().AsTask()));

    private static async Task ReportSometimesAsync(NovaViewer viewer)
    {
        await foreach (var message in viewer.ReadAllAsync())
        {
            if (message.Message is QualityChanged && Random.Shared.Next(6) == 0)
            {
                await ((Task)viewer.ReportIssueAsync(IssueReports[Random.Shared.Next(IssueReports.Length)])).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // It may be gone meanwhile.
            }
        }
    }

    private static JsonObject Client(string player, string browser, string os, string network, int kbps) =>
        new() { ["player"] = player, ["browser"] = browser, ["os"] = os, ["network"] = network, ["bandwidth_estimate_kbps"] = kbps };
}
