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
    private readonly TimeSpan _firstByteTimeout;
    private readonly long _start;
    private bool _hasSpoken;
    private ImmutableArray<(Action<object> Action, object State)> _heartbeats = [];
    private Func<ConnectionContext, Task>? _goOn;

    private ConnectionHandover(ConnectionContext connection, TimeSpan firstByteTimeout, TimeProvider time)
    {
        _connection = connection;
        _transport = connection.Transport;
        _firstByteTimeout = firstByteTimeout;
        _time = time;
        _start = time.GetTimestamp();
        Input = new KeptReader(this);
        Output = new KeptWriter(this);
        connection.Features.Get<IConnectionHeartbeatFeature>()?.OnHeartbeat(static state => ((ConnectionHandover)state).Beat(), this);
        connection.Features.Set<IConnectionHeartbeatFeature>(this);
        connection.Features.Set(this);
        connection.Transport = this;
    }

    public PipeReader Input { get; }

    public PipeWriter Output { get; }

    /// <summary>Connection middleware, outside of the HTTP layer.</summary>
    /// <param name="firstByteTimeout">Who says nothing at all for this long is cut off: HTTP's own timeouts begin with the first byte, or after minutes.</param>
    public static async Task RunAsync(ConnectionDelegate http, ConnectionContext connection, TimeSpan firstByteTimeout, TimeProvider time)
    {
        var handover = new ConnectionHandover(connection, firstByteTimeout, time);
        try
        {
            await http(connection);
        }
        finally
        {
            if (handover.Finish(connection) is { } goOn)
            {
                await goOn(connection);
            }
        }
    }

    /// <summary>Runs after the present request, which must have been upgraded, until the connection is to be closed.</summary>
    public void Take(Func<ConnectionContext, Task> goOn) => _goOn = goOn;

    /// <summary>HTTP's timeouts hang on the heartbeat: they end with HTTP, and what they hold goes with them.</summary>
    void IConnectionHeartbeatFeature.OnHeartbeat(Action<object> action, object state) => _heartbeats = _heartbeats.Add((action, state));

    private void Beat()
    {
        if (!_hasSpoken && _time.GetElapsedTime(_start) > _firstByteTimeout)
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
        var goOn = _goOn;
        (_goOn, _heartbeats) = (null, []);
        connection.Transport = _transport;
        return goOn;
    }

    /// <summary>The transport's reader, which HTTP's end does not end once the connection is taken.</summary>
    private sealed class KeptReader(ConnectionHandover handover) : PipeReader
    {
        private readonly PipeReader _inner = handover._transport.Input;

        public override void Complete(Exception? exception = null)
        {
            if (handover._goOn is null)
            {
                _inner.Complete(exception);
            }
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            handover._hasSpoken = true;
            _inner.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => _inner.CancelPendingRead();

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => _inner.ReadAsync(cancellationToken);

        public override bool TryRead(out ReadResult result) => _inner.TryRead(out result);
    }

    /// <summary>Likewise the writer.</summary>
    private sealed class KeptWriter(ConnectionHandover handover) : PipeWriter
    {
        private readonly PipeWriter _inner = handover._transport.Output;

        public override bool CanGetUnflushedBytes => _inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => _inner.UnflushedBytes;

        public override void Complete(Exception? exception = null)
        {
            if (handover._goOn is null)
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
