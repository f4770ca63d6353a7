using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace Nova.AppHost.Tests;

/// <summary>A viewer on a real WebSocket, which collects everything that it is told.</summary>
public sealed class Viewer : IAsyncDisposable
{
    private readonly ClientWebSocket _socket = new();
    private readonly List<JsonElement> _messages = [];
    private Task _reading = Task.CompletedTask;

    /// <summary>Whether the gateway has closed the connection.</summary>
    public bool IsClosed => _reading.IsCompleted;

    /// <summary>Why, as it said.</summary>
    public (int? Code, string? Reason) Close => ((int?)_socket.CloseStatus, _socket.CloseStatusDescription);

    /// <summary>Connects, and tries again where the gateway says that it cannot serve it now, as clients do: another test may have restarted a service a moment ago.</summary>
    public static Task<Viewer> ConnectAsync(Uri gateway, string id, string token)
    {
        var address = new UriBuilder(gateway) { Scheme = "ws", Path = $"/api/v1/streams/{id}/ws", Query = $"token={token}" };
        return GatewayApi.EventuallyAsync(async () =>
        {
            var viewer = new Viewer();
            viewer._socket.Options.CollectHttpResponseDetails = true;
            try
            {
                await viewer._socket.ConnectAsync(address.Uri, CancellationToken.None);
            }
            catch (WebSocketException exception) when (viewer._socket.HttpStatusCode is HttpStatusCode.ServiceUnavailable)
            {
                throw new HttpRequestException(exception.Message, exception, viewer._socket.HttpStatusCode);
            }

            viewer._reading = viewer.ReadAsync();
            return viewer;
        }, "connect a viewer");
    }

    public ValueTask SendAsync(string message) => new(_socket.SendAsync(Encoding.UTF8.GetBytes(message), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None));

    /// <summary>Waits for an event that has come already or is yet to come.</summary>
    public async Task<JsonElement> WaitForAsync(string name, Func<JsonElement, bool>? matches = null)
    {
        using var deadline = new CancellationTokenSource(GatewayApi.Patience);
        while (true)
        {
            lock (_messages)
            {
                foreach (var message in _messages.Where(message => message.GetProperty("event").GetString() == name))
                {
                    if (matches is null || matches(message.GetProperty("data")))
                    {
                        return message.GetProperty("data");
                    }
                }
            }

            Assert.False(deadline.IsCancellationRequested, $"No {name} came; the connection is {_socket.State}.");
            Assert.False(IsClosed, $"The gateway closed the connection: {_socket.CloseStatus} {_socket.CloseStatusDescription}");
            await Task.Delay(20, CancellationToken.None);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Abort();
        await _reading;
        _socket.Dispose();
    }

    private async Task ReadAsync()
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (true)
            {
                var length = 0;
                ValueWebSocketReceiveResult received;
                do
                {
                    received = await _socket.ReceiveAsync(buffer.AsMemory(length), CancellationToken.None);
                    length += received.Count;
                }
                while (!received.EndOfMessage);
                if (received.MessageType == WebSocketMessageType.Close)
                {
                    return;
                }

                var message = JsonSerializer.Deserialize<JsonElement>(buffer.AsSpan(0, length));
                lock (_messages)
                {
                    _messages.Add(message);
                }

                if (message.GetProperty("event").GetString() == "ping")
                {
                    await SendAsync("""{"event":"pong","data":{}}""");
                }
            }
        }
        catch (Exception exception) when (exception is WebSocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The test ended it, or the gateway's process has ended.
        }
    }
}
