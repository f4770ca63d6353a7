using System.IO.Pipelines;
using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Nova.Gateway;
using Nova.Gateway.Fanout;
using Nova.Gateway.Frames;
using Nova.Gateway.Viewers;
using Nova.Gateway.WebSockets;
using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Security;

namespace Nova.Benchmarks;

/// <summary>The cost of a room without the kernel: the transports here accept every byte and discard it.</summary>
[MemoryDiagnoser]
public class Fanout
{
    private static readonly Caller Caller = new("bench", CallerRole.Viewer, null, false, null, DateTimeOffset.UtcNow.AddDays(1));

    private readonly Guid _stream = Guid.NewGuid();
    private readonly ServiceProvider _services = new ServiceCollection()
        .AddMetrics().AddLogging().AddSingleton(TimeProvider.System).AddSingleton<LoopGuards>().AddSingleton<GatewayMetrics>().BuildServiceProvider();

    private GatewayMetrics _metrics = null!;
    private StreamRoom _room = null!;
    private ViewerConnection _visitor = null!;
    private PreparedFrame _frame = null!;

    [Params(10, 1_000, 10_000)]
    public int Viewers { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _metrics = _services.GetRequiredService<GatewayMetrics>();
        var snapshot = new StreamSnapshot(
            _stream, 0, StreamStatus.Scheduled, StreamVisibility.Public, "bench", "bench", StreamQuality.P1080, 5000, 60, null, 0, 0, 0, [], []);
        _room = new StreamRoom(snapshot, _metrics, _services.GetRequiredService<LoopGuards>()["benchmark"], TimeProvider.System);
        _frame = PreparedFrame.Of(_stream, new ViewerCountEvent(1000, 1000, 1, DateTimeOffset.UtcNow));
        for (var i = 0; i < Viewers; i++)
        {
            _room.Join(NewViewer(), _frame);
        }

        _visitor = NewViewer();
    }

    /// <summary>Encodes the JSON and the frame of a count, once per event and gateway.</summary>
    [Benchmark]
    public int Encode() => PreparedFrame.Of(_stream, new ViewerCountEvent(1000, 1000, 1, DateTimeOffset.UnixEpoch)).Bytes.Length;

    [Benchmark]
    public async Task Broadcast()
    {
        _room.Broadcast(_frame);
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
        var viewer = new ViewerConnection(new NullTransport(), _stream, Guid.NewGuid(), new ViewerDependencies(_metrics, TimeProvider.System, NullLogger.Instance), new NullHandler())
        {
            Token = new ViewerToken(Caller, mayWatchPrivate: true, TimeProvider.System),
        };
        viewer.Start();
        return viewer;
    }

    /// <summary>Ignores messages, so that only the room is measured.</summary>
    private sealed class NullHandler : IViewerHandler
    {
        public void OnMessage(ViewerConnection viewer, ReadOnlyMemory<byte> message)
        {
        }

        public void OnLeaving(ViewerConnection viewer)
        {
        }
    }

    private sealed class NullTransport : ViewerTransport
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
