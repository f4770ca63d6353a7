using System.Buffers.Binary;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Nova.Tests.Support;

/// <summary>How a connection ended.</summary>
public enum RawEnding
{
    /// <summary>The server closed the connection after all its data.</summary>
    Fin,

    /// <summary>The server reset the connection; data in flight is lost.</summary>
    Reset,
}

/// <summary>
/// A client on a plain TCP or TLS socket. It sends any bytes in any pieces, and checks every frame of the server against RFC 6455. It replies to
/// no frame by itself.
/// </summary>
public sealed class RawViewer : IAsyncDisposable
{
    public const string SampleKey = "dGhlIHNhbXBsZSBub25jZQ==";

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly Socket _socket;
    private readonly Stream _stream;
    private readonly byte[] _buffer = new byte[16 * 1024];
    private int _from;
    private int _to;
    private bool _receivedClose;

    private RawViewer(Socket socket, Stream stream)
    {
        _socket = socket;
        _stream = stream;
    }

    /// <summary>Set once the server has ended the connection.</summary>
    public RawEnding? Ending { get; private set; }

    /// <summary>Called before every read: returns the maximum of bytes to read, and can delay the read. Null means no limit.</summary>
    public Func<ValueTask<int>>? ReadLimit { get; set; }

    /// <param name="receiveBuffer">SO_RCVBUF; 0 keeps the default. It is set before the connect, so that the window is small from the start.</param>
    public static async Task<RawViewer> OpenAsync(Uri gateway, int receiveBuffer = 0)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (receiveBuffer > 0)
        {
            socket.ReceiveBufferSize = receiveBuffer;
        }

        using var timeout = new CancellationTokenSource(Api.Patience);
        await socket.ConnectAsync(gateway.Host, gateway.Port, timeout.Token);
        Stream stream = new NetworkStream(socket, ownsSocket: true);
        if (gateway.Scheme is "https" or "wss")
        {
            var tls = new SslStream(stream, leaveInnerStreamOpen: false, (_, _, _, _) => true);
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = gateway.Host }, timeout.Token);
            stream = tls;
        }

        return new RawViewer(socket, stream);
    }

    /// <summary>Connects a viewer and reads its connection_established.</summary>
    public static async Task<RawViewer> WatchAsync(Uri gateway, string streamId, string token, int receiveBuffer = 0)
    {
        var viewer = await OpenAsync(gateway, receiveBuffer);
        var answer = await viewer.UpgradeAsync(Request(gateway, $"/api/v1/streams/{streamId}/ws?token={Uri.EscapeDataString(token)}"));
        Assert.Equal(101, answer.Status);
        var greeting = await viewer.ReadAsync();
        Assert.Equal("connection_established", greeting?.AsMessage().Event);
        return viewer;
    }

    /// <summary>A complete request head, by default a valid upgrade.</summary>
    /// <param name="headers">Headers in place of the upgrade's; Host is always added.</param>
    public static string Request(Uri gateway, string target, string method = "GET", string version = "HTTP/1.1", params string[] headers)
    {
        if (headers.Length == 0)
        {
            headers = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", $"Sec-WebSocket-Key: {SampleKey}"];
        }

        return $"{method} {target} {version}\r\nHost: {gateway.Authority}\r\n{string.Concat(headers.Select(header => header + "\r\n"))}\r\n";
    }

    /// <summary>Sends a request head and reads the response head.</summary>
    /// <param name="trailing">Bytes after the head, in the same write.</param>
    public async Task<RawResponse> UpgradeAsync(string request, params byte[] trailing)
    {
        Assert.True(await WriteAsync((byte[])[.. Encoding.UTF8.GetBytes(request), .. trailing]), "The connection broke before the request was sent.");
        using var timeout = new CancellationTokenSource(Api.Patience);
        var head = new List<byte>();
        while (!head.TakeLast(4).SequenceEqual("\r\n\r\n"u8.ToArray()))
        {
            Assert.True(_from < _to || await FillAsync(timeout.Token), $"The response is incomplete: {Encoding.ASCII.GetString([.. head])}");
            head.Add(_buffer[_from++]);
        }

        return RawResponse.Parse(Encoding.ASCII.GetString([.. head]));
    }

    /// <summary>Writes the bytes in pieces of at most <paramref name="pieceSize"/> bytes, each a TCP write; 0 means one write.</summary>
    /// <returns>False if the connection broke before the last write.</returns>
    public async Task<bool> WriteAsync(ReadOnlyMemory<byte> bytes, int pieceSize = 0, TimeSpan? within = null)
    {
        using var timeout = new CancellationTokenSource(within ?? Api.Patience);
        try
        {
            for (var at = 0; at < bytes.Length; at += pieceSize)
            {
                pieceSize = pieceSize > 0 ? pieceSize : bytes.Length;
                await _stream.WriteAsync(bytes[at..Math.Min(at + pieceSize, bytes.Length)], timeout.Token);
            }

            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    public Task<bool> WriteAsync(IEnumerable<byte[]> frames) => WriteAsync(frames.SelectMany(frame => frame).ToArray());

    /// <summary>Closes the sending half: the server reads 0 bytes.</summary>
    public void EndWriting()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // The connection has already ended.
        }
    }

    /// <summary>Reads the next frame, which must be complete and valid.</summary>
    /// <returns>Null if the connection has ended.</returns>
    public async Task<RawFrame?> ReadAsync(TimeSpan? within = null)
    {
        using var timeout = new CancellationTokenSource(within ?? Api.Patience);
        try
        {
            return await ReadFrameAsync(timeout.Token);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            throw new TimeoutException("The server neither sent a frame nor ended the connection.");
        }
    }

    /// <summary>Reads up to the first frame that matches.</summary>
    public async Task<RawFrame> WaitForAsync(Func<RawFrame, bool> matches)
    {
        while (await ReadAsync() is { } frame)
        {
            if (matches(frame))
            {
                return frame;
            }
        }

        throw new Xunit.Sdk.XunitException($"The connection ended ({Ending}) before a matching frame.");
    }

    /// <summary>Reads all frames up to the end of the connection.</summary>
    /// <param name="onClose">Called when the server's close frame has been read.</param>
    public async Task<RawTranscript> ReadToEndAsync(Func<Task>? onClose = null, TimeSpan? within = null)
    {
        List<RawFrame> frames = [];
        using var timeout = new CancellationTokenSource(within ?? Api.Patience);
        try
        {
            while (await ReadFrameAsync(timeout.Token) is { } frame)
            {
                frames.Add(frame);
                if (frame.Opcode == RawFrame.Close && onClose is not null)
                {
                    await onClose();
                }
            }
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            throw new TimeoutException(
                $"The server did not end the connection. It sent: {string.Join(", ", frames.Select(frame => $"{frame.Opcode}: {frame.AsText}"))}");
        }

        return new RawTranscript(frames, Ending!.Value);
    }

    /// <summary>Reads and discards bytes until the server ends the connection.</summary>
    public async Task DrainAsync()
    {
        using var timeout = new CancellationTokenSource(Api.Patience);
        while (await FillAsync(timeout.Token))
        {
            _from = _to;
        }
    }

    /// <summary>Replies to the server's close frame as a browser does, and closes the sending half.</summary>
    public async Task AnswerCloseAsync()
    {
        await WriteAsync(RawFrame.OfClose(1000));
        EndWriting();
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    private async Task<RawFrame?> ReadFrameAsync(CancellationToken cancellationToken)
    {
        if (_from == _to && !await FillAsync(cancellationToken))
        {
            return null;
        }

        Assert.False(_receivedClose, "The server sent data after the close frame.");
        if (await TakeAsync(2, cancellationToken) is not { } head)
        {
            return null;
        }

        Assert.True((head[0] & 0x80) != 0, "Nova sends no fragments.");
        Assert.True((head[0] & 0x70) == 0, $"A reserved bit is set: {head[0]:X2}.");
        Assert.True((head[1] & 0x80) == 0, "A server's frames are not masked.");
        var opcode = head[0] & 0x0F;
        Assert.True(opcode is RawFrame.Text or RawFrame.Close or RawFrame.Pong, $"Nova sends no frames of opcode {opcode}.");

        ulong length = head[1];
        if (length > 125)
        {
            Assert.True(opcode == RawFrame.Text, "A control frame has at most 125 bytes.");
            if (await TakeAsync(length == 126 ? 2 : 8, cancellationToken) is not { } longer)
            {
                return null;
            }

            length = longer.Length == 2 ? BinaryPrimitives.ReadUInt16BigEndian(longer) : BinaryPrimitives.ReadUInt64BigEndian(longer);
            Assert.True(length > (longer.Length == 2 ? 125u : ushort.MaxValue), "The length could be written shorter.");
            Assert.True(length <= 262_144, $"A message has {length} bytes.");
        }

        if (await TakeAsync((int)length, cancellationToken) is not { } payload)
        {
            return null;
        }

        Check(opcode, payload);
        _receivedClose = opcode == RawFrame.Close;
        return new RawFrame(opcode, payload);
    }

    private static void Check(int opcode, byte[] payload)
    {
        if (opcode == RawFrame.Text)
        {
            StrictUtf8.GetCharCount(payload);
        }
        else if (opcode == RawFrame.Close)
        {
            Assert.True(payload.Length >= 2, "Nova's close frames carry a code.");
            StrictUtf8.GetCharCount(payload, 2, payload.Length - 2);
        }
    }

    /// <summary>Reads that many bytes. A FIN in the middle of a frame fails the test.</summary>
    /// <returns>Null if the connection was reset first.</returns>
    private async Task<byte[]?> TakeAsync(int count, CancellationToken cancellationToken)
    {
        var bytes = new byte[count];
        for (var got = 0; got < count;)
        {
            if (_from == _to && !await FillAsync(cancellationToken))
            {
                Assert.True(Ending == RawEnding.Reset, "The server ended the connection in the middle of a frame.");
                return null;
            }

            var part = Math.Min(count - got, _to - _from);
            _buffer.AsSpan(_from, part).CopyTo(bytes.AsSpan(got));
            _from += part;
            got += part;
        }

        return bytes;
    }

    private async Task<bool> FillAsync(CancellationToken cancellationToken)
    {
        if (Ending is not null)
        {
            return false;
        }

        var limit = ReadLimit is null ? _buffer.Length : Math.Clamp(await ReadLimit(), 1, _buffer.Length);
        try
        {
            (_from, _to) = (0, await _stream.ReadAsync(_buffer.AsMemory(0, limit), cancellationToken));
            Ending = _to == 0 ? RawEnding.Fin : null;
        }
        catch (IOException)
        {
            (_from, _to) = (0, 0);
            Ending = RawEnding.Reset;
        }

        return Ending is null;
    }
}

/// <summary>All frames that the viewer read, and how the connection ended.</summary>
public sealed record RawTranscript(IReadOnlyList<RawFrame> Frames, RawEnding Ending)
{
    private byte[]? ClosePayload => Frames.LastOrDefault(frame => frame.Opcode == RawFrame.Close)?.Payload;

    /// <summary>The code of the close frame; null if the server sent none.</summary>
    public int? CloseCode => ClosePayload is { } payload ? BinaryPrimitives.ReadUInt16BigEndian(payload) : null;

    public string CloseReason => ClosePayload is { } payload ? Encoding.UTF8.GetString(payload.AsSpan(2)) : "";

    public override string ToString() => $"{string.Join(", ", Frames.Select(frame => frame.Opcode switch
    {
        RawFrame.Text => frame.AsText,
        RawFrame.Pong => $"pong {Convert.ToHexString(frame.Payload)}",
        _ => $"close {CloseCode} {CloseReason}",
    }))}, then {Ending}";
}

/// <summary>The head of an HTTP response.</summary>
public sealed record RawResponse(int Status, IReadOnlyList<(string Name, string Value)> Headers)
{
    public static RawResponse Parse(string head)
    {
        var lines = head.Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        return new RawResponse(
            int.Parse(lines[0].Split(' ')[1]),
            [.. lines.Skip(1).Select(line => line.Split(':', 2)).Select(parts => (parts[0].Trim(), parts[1].Trim()))]);
    }

    /// <summary>The header's value; null if the header is missing.</summary>
    public string? Header(string name)
    {
        string[] values = [.. Headers.Where(header => header.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(header => header.Value)];
        return values.Length == 0 ? null : string.Join(", ", values);
    }
}
