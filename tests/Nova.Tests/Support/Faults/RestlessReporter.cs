using System.Net.WebSockets;
using Nova.Protocol;

namespace Nova.Tests.Support.Faults;

/// <summary>A viewer that reports once a second, and goes to another gateway and repeats what was not acknowledged when it loses its own.</summary>
internal sealed class RestlessReporter
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly FaultLab _lab;
    private readonly TestStream _stream;
    private readonly string _token;
    private readonly int _index;
    private readonly HashSet<string> _waiting = [];
    private Viewer _viewer;
    private int _gateway;
    private int _read;

    private RestlessReporter(FaultLab lab, TestStream stream, string token, int index, Viewer viewer) =>
        (_lab, _stream, _token, _index, _viewer, _gateway) = (lab, stream, token, index, viewer, index);

    public int Sent { get; private set; }

    public List<string> Acknowledged { get; } = [];

    public static async Task<RestlessReporter> StartAsync(FaultLab lab, TestStream stream, int index)
    {
        var token = await lab.Api.TokenAsync($"restless-{index}");
        return new(lab, stream, token, index, await stream.WatchAsync(index % lab.Gateways.Count, token));
    }

    /// <summary>Reports until <paramref name="stop"/>, and then goes on until everything is acknowledged, for half a minute at most.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var id = $"restless-{_index}-{Sent++}";
            _waiting.Add(id);
            await TryAsync(() => ReportAsync(id));
            await Task.Delay(Interval, CancellationToken.None);
            await TryAsync(LookAsync);
        }

        for (var last = 0; last < 30 && _waiting.Count > 0; last++)
        {
            await Task.Delay(Interval, CancellationToken.None);
            await TryAsync(LookAsync);
        }

        await _viewer.DisposeAsync();
    }

    /// <summary>Reads answers. Where the connection is gone, or a report was handed back, all that wait are sent again.</summary>
    private async Task LookAsync()
    {
        var frames = _viewer.Frames;
        var isHandedBack = false;
        foreach (var frame in frames.Skip(_read))
        {
            if (frame.Event == EventNames.IssueReceived && _waiting.Remove(frame.Text("report_id")))
            {
                Acknowledged.Add(frame.Text("report_id"));
            }

            isHandedBack |= frame.Event == EventNames.Error && frame.Text("error_message") == "The report could not be stored";
        }

        _read = frames.Count;
        if (_viewer.IsClosed)
        {
            await _viewer.DisposeAsync();
            _viewer = await _stream.WatchAsync(++_gateway % _lab.Gateways.Count, _token);
            _read = 0;
        }
        else if (!isHandedBack)
        {
            return;
        }

        foreach (var id in _waiting.ToList())
        {
            await ReportAsync(id);
        }
    }

    private Task ReportAsync(string id) =>
        _viewer.SendAsync($$$"""{"event":"report_issue","data":{"issue_type":"buffering","severity":"high","report_id":"{{{id}}}"}}""");

    /// <summary>Its gateway may be gone, and the next one too.</summary>
    private static async Task TryAsync(Func<Task> step)
    {
        try
        {
            await step();
        }
        catch (Exception exception) when (exception is WebSocketException or HttpRequestException or IOException or OperationCanceledException or InvalidOperationException
            or ObjectDisposedException or Xunit.Sdk.XunitException)
        {
            // It tries again in a second.
        }
    }
}
