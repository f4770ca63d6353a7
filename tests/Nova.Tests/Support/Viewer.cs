using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Nova.Protocol;
using Nova.Tests.Contracts;

namespace Nova.Tests.Support;

/// <summary>A WebSocket client that records every message and checks each one against the envelope's rules (R10).</summary>
public sealed class Viewer : IAsyncDisposable
{
    private readonly ClientWebSocket _socket;
    private readonly List<Frame> _frames = [];
    private readonly Task _reading;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Viewer(ClientWebSocket socket)
    {
        _socket = socket;
        _reading = ReadAsync();
    }

    public static Uri Address(Uri gateway, string streamId, string token, string more = "") =>
        new($"ws://{gateway.Authority}/api/v1/streams/{streamId}/ws?token={Uri.EscapeDataString(token)}{more}");

    public static async Task<Viewer> ConnectAsync(Uri gateway, string streamId, string token)
    {
        var socket = new ClientWebSocket();
        socket.Options.KeepAliveInterval = TimeSpan.Zero; // The client must not ping: the tests check the protocol's own pings.
        using var timeout = new CancellationTokenSource(Api.Patience);
        await socket.ConnectAsync(Address(gateway, streamId, token), timeout.Token);
        var viewer = new Viewer(socket);
        await viewer.WaitForAsync(EventNames.ConnectionEstablished); // Tests take the viewer's id from the first frame.
        return viewer;
    }

    /// <summary>The messages received so far, in order.</summary>
    public IReadOnlyList<Frame> Frames
    {
        get
        {
            lock (_frames)
            {
                return [.. _frames];
            }
        }
    }

    public IReadOnlyList<string> Events => [.. Frames.Select(frame => frame.Event)];

    /// <summary>By the server, or because the connection broke.</summary>
    public bool IsClosed => _reading.IsCompleted;

    public int? CloseCode => (int?)_socket.CloseStatus;

    public string? CloseReason => _socket.CloseStatusDescription;

    public Task SendAsync(string text) => SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text);

    public Task SendAsync(byte[] bytes, WebSocketMessageType type, bool endOfMessage = true) =>
        _socket.SendAsync(bytes, type, endOfMessage, CancellationToken.None);

    /// <summary>Waits for the first frame of that event, including frames already received.</summary>
    /// <param name="from">Number of frames to skip, such as those from before the tested action.</param>
    public async Task<Frame> WaitForAsync(string name, Func<JsonElement, bool>? matches = null, TimeSpan? within = null, int from = 0)
    {
        var found = await WaitUntilAsync(
            frames => frames.Skip(from).FirstOrDefault(frame => frame.Event == name && (matches is null || matches(frame.Data))), within ?? Api.Patience);
        return found ?? throw new Xunit.Sdk.XunitException($"No {name} arrived, only:\n{string.Join('\n', Frames.Select(frame => frame.Raw))}");
    }

    /// <summary>Waits for the server's close and returns its code.</summary>
    public async Task<int?> WaitForCloseAsync(TimeSpan? within = null)
    {
        await _reading.WaitAsync(within ?? Api.Patience);
        return CloseCode;
    }

    /// <summary>Breaks the connection without a close frame.</summary>
    public void Abort() => _socket.Abort();

    /// <param name="status">Null sends a close frame without a code, as the protocol document's client does.</param>
    public async Task CloseAsync(WebSocketCloseStatus? status = WebSocketCloseStatus.NormalClosure)
    {
        await _socket.CloseOutputAsync(status ?? WebSocketCloseStatus.Empty, null, CancellationToken.None);
        await _reading.WaitAsync(Api.Patience);
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Abort();
        await _reading;
        _socket.Dispose();
    }

    private async Task<T?> WaitUntilAsync<T>(Func<IReadOnlyList<Frame>, T?> find, TimeSpan within)
        where T : class
    {
        using var timeout = new CancellationTokenSource(within);
        while (true)
        {
            var changed = Volatile.Read(ref _changed).Task;
            if (find(Frames) is { } found)
            {
                return found;
            }

            if (_reading.IsCompleted)
            {
                return find(Frames);
            }

            try
            {
                await Task.WhenAny(changed, _reading).WaitAsync(timeout.Token);
            }
            catch (OperationCanceledException)
            {
                return find(Frames);
            }
        }
    }

    private async Task ReadAsync()
    {
        var buffer = new byte[512 * 1024];
        try
        {
            while (true)
            {
                var length = 0;
                ValueWebSocketReceiveResult result;
                do
                {
                    result = await _socket.ReceiveAsync(buffer.AsMemory(length), CancellationToken.None);
                    length += result.Count;
                }
                while (!result.EndOfMessage);

                if (result.MessageType == WebSocketMessageType.Close)
                {
                    if (_socket.State == WebSocketState.CloseReceived)
                    {
                        await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
                    }

                    return;
                }

                Record(Frame.Read(result.MessageType, Encoding.UTF8.GetString(buffer, 0, length)));
            }
        }
        catch (WebSocketException)
        {
            // The connection broke; Frames and CloseCode hold what arrived before.
        }
        catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
        {
            // The test aborted the connection.
        }
    }

    private void Record(Frame frame)
    {
        lock (_frames)
        {
            _frames.Add(frame);
        }

        Interlocked.Exchange(ref _changed, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }
}

/// <param name="ReceivedAt">A <see cref="Stopwatch"/> timestamp.</param>
public sealed record Frame(long ReceivedAt, string Event, JsonElement Data, string Raw)
{
    public static Frame Read(WebSocketMessageType type, string raw)
    {
        Assert.Equal(WebSocketMessageType.Text, type);
        var root = JsonElement.Parse(raw);
        Assert.Equal(JsonValueKind.Object, root.GetProperty("data").ValueKind);
        var frame = new Frame(Stopwatch.GetTimestamp(), root.GetProperty("event").GetString()!, root.GetProperty("data"), raw);
        SocketContract.Check(frame, root);
        return frame;
    }

    public int Number(string name) => Data.GetProperty(name).GetInt32();

    public string Text(string name) => Data.GetProperty(name).GetString()!;

    public DateTimeOffset Timestamp => Data.GetProperty("timestamp").GetDateTimeOffset();
}
