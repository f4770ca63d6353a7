using System.Collections.Immutable;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Nova.Gateway.WebSockets;

/// <summary>
/// Lets a request take its connection away from Kestrel's HTTP layer. Once the request that was upgraded has ended, the connection goes on
/// here, and everything HTTP kept for it — parser, headers, features, HttpContext, more than half of an idle viewer's memory — is garbage.
/// </summary>
internal sealed class ConnectionHandover : IDuplexPipe, IConnectionHeartbeatFeature
{
    private readonly ConnectionContext _connection;
    private readonly IDuplexPipe _transport;
    private readonly TimeProvider _time;
    private readonly HandoverTimeouts _timeouts;
    private readonly long _start;
    private bool _receivedFirstByte;
    private bool _receivedRequest;
    private ImmutableArray<(Action<object> Action, object State)> _heartbeats = [];
    private Func<ConnectionContext, Task>? _continuation;

    private ConnectionHandover(ConnectionContext connection, HandoverTimeouts timeouts, TimeProvider time)
    {
        _connection = connection;
        _transport = connection.Transport;
        _timeouts = timeouts;
        _time = time;
        _start = time.GetTimestamp();
        Input = new KeptReader(this);
        Output = new KeptWriter(this);
        connection.Features.Get<IConnectionHeartbeatFeature>()?.OnHeartbeat(static state => ((ConnectionHandover)state).OnHeartbeat(), this);
        connection.Features.Set<IConnectionHeartbeatFeature>(this);
        connection.Features.Set(this);
        connection.Transport = this;
    }

    public PipeReader Input { get; }

    public PipeWriter Output { get; }

    /// <summary>Connection middleware, outside of the HTTP layer.</summary>
    public static async Task RunAsync(ConnectionDelegate http, ConnectionContext connection, HandoverTimeouts timeouts, TimeProvider time)
    {
        var handover = new ConnectionHandover(connection, timeouts, time);
        try
        {
            await http(connection);
        }
        finally
        {
            if (handover.Finish(connection) is { } continuation)
            {
                await continuation(connection);
            }
        }
    }

    /// <summary>Runs after the present request, which must have been upgraded, until the connection is to be closed.</summary>
    public void Detach(Func<ConnectionContext, Task> continuation) => _continuation = continuation;

    /// <summary>The head of a request has arrived.</summary>
    public void OnRequest() => _receivedRequest = true;

    /// <summary>HTTP's timeouts hang on the heartbeat: they end with HTTP, and what they hold goes with them.</summary>
    void IConnectionHeartbeatFeature.OnHeartbeat(Action<object> action, object state) => _heartbeats = _heartbeats.Add((action, state));

    private void OnHeartbeat()
    {
        var elapsed = _receivedRequest ? TimeSpan.Zero : _time.GetElapsedTime(_start);
        if (elapsed > _timeouts.FirstRequest || (!_receivedFirstByte && elapsed > _timeouts.FirstByte))
        {
            _connection.Abort();
            return;
        }

        foreach (var (action, state) in _heartbeats)
        {
            action(state);
        }
    }

    private Func<ConnectionContext, Task>? Finish(ConnectionContext connection)
    {
        var continuation = _continuation;
        (_continuation, _heartbeats) = (null, []);
        connection.Transport = _transport;
        return continuation;
    }

    /// <summary>The transport's reader, which HTTP's end does not end once the connection is taken.</summary>
    private sealed class KeptReader(ConnectionHandover handover) : PipeReader
    {
        private readonly PipeReader _inner = handover._transport.Input;

        public override void Complete(Exception? exception = null)
        {
            if (handover._continuation is null)
            {
                _inner.Complete(exception);
            }
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            handover._receivedFirstByte = true;
            _inner.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => _inner.CancelPendingRead();

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => _inner.ReadAsync(cancellationToken);

        public override bool TryRead(out ReadResult result) => _inner.TryRead(out result);
    }

    /// <summary>The transport's writer, which HTTP's end does not end once the connection is taken.</summary>
    private sealed class KeptWriter(ConnectionHandover handover) : PipeWriter
    {
        private readonly PipeWriter _inner = handover._transport.Output;

        public override bool CanGetUnflushedBytes => _inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => _inner.UnflushedBytes;

        public override void Complete(Exception? exception = null)
        {
            if (handover._continuation is null)
            {
                _inner.Complete(exception);
            }
        }

        public override void Advance(int bytes) => _inner.Advance(bytes);

        public override void CancelPendingFlush() => _inner.CancelPendingFlush();

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => _inner.FlushAsync(cancellationToken);

        public override Memory<byte> GetMemory(int sizeHint = 0) => _inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => _inner.GetSpan(sizeHint);
    }
}

/// <summary>How long a connection may take before HTTP's own timeouts hold: those begin with the first byte of a request, or after minutes.</summary>
/// <param name="FirstRequest">A client that sends nothing but empty lines, which HTTP allows before a request, has this long.</param>
internal sealed record HandoverTimeouts(TimeSpan FirstByte, TimeSpan FirstRequest);
