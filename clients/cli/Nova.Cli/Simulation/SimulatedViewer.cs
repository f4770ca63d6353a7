using System.Net.WebSockets;
using System.Text.Json;
using System.Threading.Channels;
using Nova.Protocol;

namespace Nova.Cli.Simulation;

/// <summary>One viewer's socket and the gateway's behind it. What passes between them can be late, held back or lost.</summary>
internal sealed class SimulatedViewer(WebSocket viewer, WebSocket gateway, FaultSwitches switches)
{
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _sending = new(1);
    private readonly CancellationTokenSource _gone = new();
    private readonly List<(string Event, byte[] Message)> _held = [];
    private volatile bool _isClosing;
    private bool _isHolding;

    /// <summary>As its <c>connection_established</c> said.</summary>
    public Guid? ViewerId { get; private set; }

    public Guid? StreamId { get; private set; }

    /// <summary>With which it connected, or the one that it sent since.</summary>
    public string? Token { get; set; }

    /// <summary>Until both are closed.</summary>
    public async Task RelayAsync()
    {
        var down = PumpAsync(gateway, SendDownAsync, (code, reason) => CloseAsync(code, reason));
        var up = PumpAsync(viewer, (message, stop) => SendUpAsync(message, stop), CloseGatewayAsync);
        await Task.WhenAny(down, up);
        await Task.WhenAny(Task.WhenAll(down, up), Task.Delay(CloseTimeout)); // A close frame wants its answer: who aborts at once takes it from the viewer.
        await _gone.CancelAsync();
        gateway.Abort();
        await Task.WhenAll(down, up).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Closes as a gateway does: what it says first, then the close frame.</summary>
    public async Task CloseAsync(int code, string reason, ErrorMessage? first = null)
    {
        if (_isClosing)
        {
            return;
        }

        _isClosing = true;
        await _sending.WaitAsync();
        try
        {
            if (first is not null)
            {
                await viewer.SendAsync(ProtocolJson.Encode(first), WebSocketMessageType.Text, endOfMessage: true, _gone.Token);
            }

            await viewer.CloseOutputAsync((WebSocketCloseStatus)code, reason, _gone.Token);
        }
        catch (Exception exception) when (exception is WebSocketException or OperationCanceledException or InvalidOperationException)
        {
            viewer.Abort();
        }
        finally
        {
            _sending.Release();
        }
    }

    public void Cut()
    {
        viewer.Abort();
        gateway.Abort();
    }

    /// <summary>
    /// Holds back what may be dropped, for a time. Then it is dropped but for the newest of each kind, and the viewer is told, as a gateway tells one that fell behind.
    /// </summary>
    public async Task DropAsync(TimeSpan time)
    {
        _isHolding = true;
        await Task.Delay(time, _gone.Token);
        await _sending.WaitAsync(_gone.Token);
        try
        {
            var (now, kinds) = (DateTimeOffset.UtcNow, _held.GroupBy(one => one.Event).ToList());
            var dropped = kinds.Where(kind => kind.Count() > 1).ToDictionary(kind => kind.Key, kind => kind.Count() - 1);
            if (dropped.Count == 0)
            {
                dropped[EventNames.QualityChanged] = 1; // Nothing happened meanwhile; the page is to see it all the same.
            }

            await SendNowAsync(ProtocolJson.Encode(new ErrorMessage(
                ErrorCodes.MessagesDropped, "This connection fell behind and some messages were dropped", ErrorSeverity.Warning, Recoverable: true, "None, the present state follows", now,
                dropped.Values.Sum(), dropped, now - time, now)));
            foreach (var kind in kinds)
            {
                await SendNowAsync(kind.Last().Message);
            }

            _held.Clear();
            _isHolding = false;
        }
        finally
        {
            _sending.Release();
        }
    }

    private async Task SendDownAsync(byte[] message, CancellationToken cancellationToken)
    {
        var (name, data) = Read(message);
        if (name == EventNames.ConnectionEstablished)
        {
            (ViewerId, StreamId) = (data.GetProperty("viewer_id").GetGuid(), data.GetProperty("stream_id").GetGuid());
        }

        await _sending.WaitAsync(cancellationToken);
        try
        {
            if (_isHolding && name is (EventNames.ViewerCountChanged or EventNames.QualityChanged or EventNames.BitrateUpdate))
            {
                _held.Add((name, message));
                return;
            }

            await SendNowAsync(message);
        }
        finally
        {
            _sending.Release();
        }
    }

    private async Task SendUpAsync(byte[] message, CancellationToken cancellationToken)
    {
        if (Read(message) is (EventNames.RefreshToken, var data) && data.TryGetProperty("token", out var token))
        {
            Token = token.ToString();
        }

        if (gateway.State == WebSocketState.Open)
        {
            await gateway.SendAsync(message, WebSocketMessageType.Text, endOfMessage: true, cancellationToken);
        }
    }

    /// <summary>In its turn only.</summary>
    private async Task SendNowAsync(byte[] message)
    {
        if (!_isClosing && viewer.State == WebSocketState.Open)
        {
            await viewer.SendAsync(message, WebSocketMessageType.Text, endOfMessage: true, _gone.Token);
        }
    }

    private async Task CloseGatewayAsync(int code, string reason)
    {
        if (gateway.State is WebSocketState.Open or WebSocketState.CloseReceived)
        {
            await gateway.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, _gone.Token);
        }

        if (!_isClosing && viewer.State == WebSocketState.CloseReceived)
        {
            await viewer.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, _gone.Token);
        }
    }

    /// <summary>In order, each as late as the switches say, while later ones are read already.</summary>
    private async Task PumpAsync(WebSocket from, Func<byte[], CancellationToken, Task> send, Func<int, string, Task> closed)
    {
        var inFlight = Channel.CreateBounded<(DateTimeOffset At, byte[]? Message)>(1000);
        var writing = WriteAsync(inFlight.Reader, send, () => closed((int?)from.CloseStatus ?? 1000, from.CloseStatusDescription ?? ""));
        try
        {
            var buffer = new byte[Limits.MaxMessageBytes + 1];
            for (var length = 0; ;)
            {
                var result = await from.ReceiveAsync(buffer.AsMemory(length), _gone.Token);
                length += result.Count;
                if (result.MessageType == WebSocketMessageType.Close)
                {
                    await inFlight.Writer.WriteAsync((switches.Due(), null), _gone.Token);
                    break;
                }

                if (length == buffer.Length)
                {
                    await CloseAsync((int)CloseCode.MessageTooBig, "message too big");
                    break;
                }

                if (result.EndOfMessage)
                {
                    await inFlight.Writer.WriteAsync((switches.Due(), buffer[..length]), _gone.Token);
                    length = 0;
                }
            }
        }
        catch (Exception exception) when (exception is WebSocketException or OperationCanceledException)
        {
            Cut(); // It broke: the other side sees the same.
        }

        inFlight.Writer.TryComplete();
        await writing;
    }

    private async Task WriteAsync(ChannelReader<(DateTimeOffset At, byte[]? Message)> inFlight, Func<byte[], CancellationToken, Task> send, Func<Task> closed)
    {
        try
        {
            await foreach (var (at, message) in inFlight.ReadAllAsync(_gone.Token))
            {
                if (at - DateTimeOffset.UtcNow is var left && left > TimeSpan.Zero)
                {
                    await Task.Delay(left, _gone.Token);
                }

                await (message is null ? closed() : send(message, _gone.Token));
            }
        }
        catch (Exception exception) when (exception is WebSocketException or OperationCanceledException or InvalidOperationException)
        {
            // Whoever reads from that side notices it.
        }
    }

    /// <returns>Nothing for what is no message of the protocol: the gateway says so.</returns>
    private static (string Name, JsonElement Data) Read(byte[] message)
    {
        try
        {
            var root = JsonElement.Parse(message);
            return root.ValueKind == JsonValueKind.Object && root.TryGetProperty("event", out var name) && root.TryGetProperty("data", out var data) && data.ValueKind == JsonValueKind.Object
                ? (name.ToString(), data) : ("", default);
        }
        catch (JsonException)
        {
            return ("", default);
        }
    }
}
