using System.IO.Pipelines;
using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Nova.Gateway;
using Nova.Gateway.Fanout;
using Nova.Gateway.Viewers;
using Nova.Gateway.WebSockets;
using Nova.Protocol;
using Nova.ServiceDefaults;

namespace Nova.Benchmarks;

/// <summary>What a room costs beside the kernel: the sockets here take everything and do nothing.</summary>
[MemoryDiagnoser]
public class Fanout
{
    private static readonly Caller Caller = new("bench", CallerRole.Viewer, null, false, null, DateTimeOffset.UtcNow.AddDays(1));

    private readonly Guid _stream = Guid.NewGuid();
    private readonly GatewayMetrics _metrics =
        new ServiceCollection().AddMetrics().AddSingleton<GatewayMetrics>().BuildServiceProvider().GetRequiredService<GatewayMetrics>();

    private StreamRoom _room = null!;
    private ViewerConnection _visitor = null!;
    private PreparedFrame _frame = null!;

    [Params(10, 1_000, 10_000)]
    public int Viewers { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var snapshot = new StreamSnapshot(
            _stream, 0, StreamStatus.Scheduled, StreamVisibility.Public, "bench", "bench", StreamQuality.P1080, 5000, 60, null, 0, 0, 0, [], []);
        _room = new StreamRoom(snapshot, _metrics, TimeProvider.System);
        _frame = PreparedFrame.Of(_stream, new ViewerCountEvent(1000, 1000, 1, DateTimeOffset.UtcNow));
        for (var i = 0; i < Viewers; i++)
        {
            _room.Join(NewViewer(), _frame);
        }

        _visitor = NewViewer();
    }

    /// <summary>The JSON and the frame of a count: once per event and gateway.</summary>
    [Benchmark]
    public int Encode() => PreparedFrame.Of(_stream, new ViewerCountEvent(1000, 1000, 1, DateTimeOffset.UnixEpoch)).Bytes.Length;

    [Benchmark]
    public async Task Broadcast()
    {
        _room.Tell(_frame);
        await _room.FlushAsync();
    }

    [Benchmark]
    public void JoinAndLeave()
    {
        _room.Join(_visitor, _frame);
        _room.Leave(_visitor);
    }

    private ViewerConnection NewViewer()
    {
        var viewer = new ViewerConnection(new Sink(), _stream, Guid.NewGuid(), new ViewerServices(_metrics, TimeProvider.System, NullLogger.Instance), _ => { })
        {
            Feed = null!, // The room alone.
            Token = new ViewerToken(Caller, TimeProvider.System),
        };
        viewer.Start();
        return viewer;
    }

    private sealed class Sink : ViewerTransport
    {
        public override PipeReader Input => throw new NotSupportedException();

        public override bool IsDirect => true;

        public override int TrySend(ReadOnlySpan<byte> bytes) => bytes.Length;

        public override Task SendAsync(ReadOnlyMemory<byte> bytes) => Task.CompletedTask;

        public override void EndSending()
        {
        }

        public override void Abort()
        {
        }
    }
}
