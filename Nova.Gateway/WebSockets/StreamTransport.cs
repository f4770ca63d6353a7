using System.IO.Pipelines;

namespace Nova.Gateway.WebSockets;

/// <summary>The stream of an upgraded request, where there is no raw socket to write to: TLS, HTTP/2.</summary>
internal sealed class StreamTransport(Stream stream, HttpContext http) : ViewerTransport
{
    // Reads of nothing first, so that a silent viewer holds no buffer.
    public override PipeReader Input { get; } = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true, useZeroByteReads: true));

    public override bool IsDirect => false;

    public override int TrySend(ReadOnlySpan<byte> bytes) => 0;

    public override async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            await stream.WriteAsync(bytes);
        }
        catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            throw new IOException("The connection is broken.", exception);
        }
    }

    /// <summary>Kestrel ends it when the request does.</summary>
    public override void EndSending()
    {
    }

    public override void Abort() => http.Abort();
}
