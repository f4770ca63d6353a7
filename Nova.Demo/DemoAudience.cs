using System.Net.WebSockets;
using System.Text;

namespace Nova.Demo;

/// <summary>Simulated viewers on real sockets. They join, leave, reply to pings and occasionally report an issue.</summary>
internal sealed class DemoAudience(IReadOnlyList<Uri> gateways, string streamId, string token) : IAsyncDisposable
{
    private const int MinViewers = 5;
    private const int MaxViewers = 25;

    private static readonly string[] IssueReports =
    [
        """{"event":"report_issue","data":{"issue_type":"buffering","severity":"medium","description":"It stops every few seconds","client_info":{"player":"video.js","browser":"Firefox 146","os":"Debian 12","network":"wifi","bandwidth_estimate_kbps":4200}}}""",
        """{"event":"report_issue","data":{"issue_type":"quality","severity":"low","description":"Blurry since a moment ago","client_info":{"player":"hls.js","browser":"Chrome 142","os":"Android 16","network":"4g","bandwidth_estimate_kbps":1800}}}""",
    ];

    private readonly List<(CancellationTokenSource Leave, Task Watching)> _viewers = [];

    /// <summary>Adds or removes up to two viewers: a step of a random walk.</summary>
    public void ChangeSize()
    {
        _viewers.RemoveAll(viewer => viewer.Watching.IsCompleted);
        var step = _viewers.Count < MinViewers ? 2 : Random.Shared.Next(-2, 3);
        for (var i = 0; i < step && _viewers.Count < MaxViewers; i++)
        {
            var leave = new CancellationTokenSource();
            _viewers.Add((leave, WatchAsync(gateways[Random.Shared.Next(gateways.Count)], leave.Token)));
        }

        foreach (var viewer in _viewers.Take(-step))
        {
            viewer.Leave.Cancel();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (leave, _) in _viewers)
        {
            await leave.CancelAsync();
        }

        await Task.WhenAll(_viewers.Select(viewer => viewer.Watching));
    }

    private async Task WatchAsync(Uri gateway, CancellationToken leave)
    {
        using var socket = new ClientWebSocket();
        try
        {
            var address = new UriBuilder(gateway) { Scheme = gateway.Scheme == "https" ? "wss" : "ws", Path = $"/api/v1/streams/{streamId}/ws", Query = $"token={token}" };
            await socket.ConnectAsync(address.Uri, leave);
            var buffer = new byte[4096];
            while (true)
            {
                // Leaving does not cancel the receive: that would abort the socket, but most viewers close it properly.
                var received = socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None).AsTask();
                await received.WaitAsync(leave);
                var message = Encoding.UTF8.GetString(buffer, 0, (await received).Count);
                if ((await received).MessageType == WebSocketMessageType.Close)
                {
                    return;
                }

                await RespondAsync(socket, message, leave);
            }
        }
        catch (OperationCanceledException) when (socket.State == WebSocketState.Open)
        {
            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        catch (Exception exception) when (exception is WebSocketException or OperationCanceledException)
        {
            // The gateway closed the connection.
        }
    }

    private static async Task RespondAsync(ClientWebSocket socket, string message, CancellationToken cancellationToken)
    {
        var reply = message.Contains("\"event\":\"ping\"") ? """{"event":"pong","data":{}}"""
            : message.Contains("\"event\":\"quality_changed\"") && Random.Shared.Next(6) == 0 ? IssueReports[Random.Shared.Next(IssueReports.Length)]
            : null;
        if (reply is not null)
        {
            await socket.SendAsync(Encoding.UTF8.GetBytes(reply), WebSocketMessageType.Text, endOfMessage: true, cancellationToken);
        }
    }
}
