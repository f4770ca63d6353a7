using System.Buffers;
using System.Net;
using System.Net.WebSockets;
using System.Text.Json;
using Nova.Client.Publishing;

namespace Nova.Client.Viewing;

/// <summary>One socket: opened, read until it closes, and why it was refused or closed.</summary>
internal sealed class ViewerSocket(Uri address, HttpMessageInvoker http) : IDisposable
{
    private static readonly TimeSpan OpenTimeout = TimeSpan.FromSeconds(15);

    /// <summary>RFC 6455's own pings find a connection that died: 20 s after the last byte, and 20 s for the answer.</summary>
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan SendTimeout = TimeSpan.FromSeconds(10);

    private readonly ClientWebSocket _socket = new();
    private readonly SemaphoreSlim _sending = new(1);

    /// <returns>Null where it is open, else why it is not.</returns>
    public async Task<Verdict?> OpenAsync(string token, CancellationToken cancellationToken)
    {
        _socket.Options.SetRequestHeader("Authorization", $"Bearer {token}");
        _socket.Options.CollectHttpResponseDetails = true;
        _socket.Options.KeepAliveInterval = _socket.Options.KeepAliveTimeout = KeepAlive;
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(OpenTimeout);
        try
        {
            var scheme = address.Scheme is "https" or "wss" ? "wss" : "ws";
            await _socket.ConnectAsync(new UriBuilder(address) { Scheme = scheme }.Uri, http, timeout.Token);
            return null;
        }
        catch (Exception exception) when (exception is WebSocketException or HttpRequestException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return _socket.HttpStatusCode == 0
                ? new Verdict($"Nova cannot be reached: {exception.InnerException?.Message ?? exception.Message}")
                : await AskWhyAsync(token, _socket.HttpStatusCode, cancellationToken);
        }
    }

    /// <summary>Reads until the socket closes. Nobody reads faster than <paramref name="received"/> takes: Nova holds back what waits, and says what it had to drop.</summary>
    public async Task<Verdict> ReadAsync(Func<StreamEvent, Task> received, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);
        try
        {
            for (var length = 0; ;)
            {
                var result = await _socket.ReceiveAsync(buffer.AsMemory(length), cancellationToken);
                if (result.MessageType == WebSocketMessageType.Close)
                {
                    await CloseAsync(); // Where the answer does not go through any more, what Nova said counts all the same.
                    return Verdict.OfClose((int?)_socket.CloseStatus, _socket.CloseStatusDescription);
                }

                length += result.Count;
                if (!result.EndOfMessage)
                {
                    buffer = length < buffer.Length ? buffer : Grow(buffer);
                    continue;
                }

                if (StreamEvent.Read(buffer.AsSpan(0, length)) is { } message)
                {
                    await received(message);
                }

                length = 0;
            }
        }
        catch (Exception exception) when (exception is WebSocketException or ObjectDisposedException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return Verdict.OfClose(null, null);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Nothing, if the socket is not open: whoever reads hears why, and sends again what matters. A send that is stuck breaks the connection.</summary>
    public async Task SendAsync(byte[] message, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(SendTimeout);
        var isTurn = false;
        try
        {
            await _sending.WaitAsync(patience.Token);
            isTurn = true;
            await _socket.SendAsync(message, WebSocketMessageType.Text, endOfMessage: true, patience.Token);
        }
        catch (Exception exception) when (exception is WebSocketException or InvalidOperationException or OperationCanceledException)
        {
        }
        finally
        {
            if (isTurn)
            {
                _sending.Release();
            }
        }
    }

    public async Task CloseAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        try
        {
            await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, patience.Token);
        }
        catch (Exception exception) when (exception is WebSocketException or InvalidOperationException or OperationCanceledException)
        {
            _socket.Abort();
        }
    }

    /// <summary>The semaphore stays: somebody may wait for its turn, and gets it.</summary>
    public void Dispose() => _socket.Dispose();

    /// <summary>A plain GET of the same address is answered as the upgrade was, with the body that the upgrade's answer hides.</summary>
    private async Task<Verdict> AskWhyAsync(string token, HttpStatusCode status, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(OpenTimeout);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new UriBuilder(address) { Scheme = address.Scheme is "https" or "wss" ? "https" : "http" }.Uri);
            request.Headers.Authorization = new("Bearer", token);
            using var answer = await http.SendAsync(request, timeout.Token);
            var problem = await Problem.ReadAsync(answer, timeout.Token);
            return Verdict.OfRefusal((int)answer.StatusCode, problem?.Detail, Problem.RetryAfter(answer) ?? TimeSpan.Zero, problem?.ErrorCode is not null);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or JsonException or InvalidOperationException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return Verdict.OfRefusal((int)status, null, TimeSpan.Zero, isOfNova: false);
        }
    }

    private static byte[] Grow(byte[] buffer)
    {
        var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
        buffer.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(buffer);
        return larger;
    }
}
