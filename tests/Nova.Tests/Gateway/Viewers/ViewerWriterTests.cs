using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Nova.Gateway;
using Nova.Gateway.Frames;
using Nova.Gateway.Viewers;
using Nova.Gateway.WebSockets;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.Gateway.Viewers;

/// <summary>
/// The bytes that come out of a writer whose socket takes as little as it likes: always whole frames in order, and the ledger of S23 holds:
/// what was sent is what arrived, was merged into something newer or was announced as dropped.
/// </summary>
public sealed class ViewerWriterTests : IDisposable
{
    private static readonly Guid Stream = Guid.NewGuid();

    private readonly GatewayMetricsScope _metrics = new();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Send_ToThousandsOfRandomReaders_AddsUp(bool isDirect)
    {
        for (var seed = 0; seed < 1000; seed++)
        {
            var random = new Random(seed);
            var transport = new WhimsicalTransport(random, isDirect, stinginess: seed % 101);
            var writer = new ViewerWriter(transport, Stream, _metrics.Services);
            writer.Start();
            var ledger = new Ledger();
            var batch = new FrameBatch();
            var number = 0L;
            for (var step = 0; step < 120; step++)
            {
                batch.Clear();
                for (var i = random.Next(1, 5); i > 0; i--)
                {
                    batch.Add(ledger.Next(random), ++number);
                }

                writer.Send(batch);
                if (random.Next(4) == 0)
                {
                    writer.Send(ledger.Next(random));
                }

                transport.TakeSome();
            }

            var closed = writer.CloseAsync(CloseCode.GoingAway, "bye");
            transport.TakeEverything();
            await closed.WaitAsync(Api.Patience);
            Assert.True(writer.IsClosed);
            ledger.Settle(transport.Received, seed);
        }
    }

    [Fact]
    public async Task Send_FromManyThreads_NeverInterleavesFrames()
    {
        var transport = new WhimsicalTransport(new Random(1), isDirect: true, stinginess: 60);
        var writer = new ViewerWriter(transport, Stream, _metrics.Services);
        writer.Start();
        using var stop = new CancellationTokenSource();
        var taking = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                transport.TakeSome();
            }
        });

        await Task.WhenAll(Enumerable.Range(0, 8).Select(sender => Task.Run(() =>
        {
            for (var i = 0; i < 4000; i++)
            {
                writer.Send(Ledger.Frame("stream_info", (sender * 4000) + i));
            }
        })));
        await writer.CloseAsync(CloseCode.Normal, "");
        await stop.CancelAsync();
        await taking;

        var (delivered, dropped) = (0, 0);
        var newest = new ConcurrentDictionary<int, int>();
        foreach (var (name, data) in Ledger.Parse(transport.Received).Where(frame => frame.Name != "close"))
        {
            if (name == EventNames.Error)
            {
                dropped += data.GetProperty("dropped_count").GetInt32();
                continue;
            }

            delivered++;
            var n = data.GetProperty("n").GetInt32();
            Assert.True(n > newest.GetValueOrDefault(n / 4000, -1), "a sender's frames came out of order");
            newest[n / 4000] = n;
        }

        Assert.Equal(8 * 4000, delivered + dropped);
    }

    [Fact]
    public void SendBatch_ToAViewerWhoJoinedMeanwhile_SkipsWhatItKnows()
    {
        var transport = new WhimsicalTransport(new Random(1), isDirect: true, stinginess: 0);
        var writer = new ViewerWriter(transport, Stream, _metrics.Services) { JoinedAt = 12 };
        writer.Start();
        var batch = new FrameBatch();
        for (var number = 11; number <= 14; number++)
        {
            batch.Add(Ledger.Frame("stream_info", number), number);
        }

        Assert.Equal(2, writer.Send(batch).Frames);
        Assert.Equal([13, 14], Ledger.Parse(transport.Received).Select(frame => frame.Data.GetProperty("n").GetInt32()));
    }

    [Fact]
    public void Send_MoreEssentialsThanAViewerIsWorth_SaysSo_AndOnlyTheCloseIsLeft()
    {
        var transport = new WhimsicalTransport(new Random(1), isDirect: true, stinginess: 100);
        var writer = new ViewerWriter(transport, Stream, _metrics.Services);
        writer.Start();
        for (var i = 0; i < 2 * Limits.Backlog; i++)
        {
            writer.Send(Ledger.Frame(EventNames.StreamStarted, i));
        }

        Assert.True(writer.IsOverflowing);
        var closed = writer.CloseAsync(CloseCode.TryAgainLater, "fell behind");
        transport.TakeEverything();
        Assert.True(closed.IsCompleted);
        Assert.Equal("close", Ledger.Parse(transport.Received)[^1].Name);
        Assert.InRange(Ledger.Parse(transport.Received).Count, 2, 3);
    }

    [Fact]
    public async Task Close_WithALastWord_WhileManySend_LetsNothingBetweenItAndTheCloseFrame()
    {
        for (var round = 0; round < 200; round++)
        {
            var transport = new WhimsicalTransport(new Random(round), isDirect: true, stinginess: 60);
            var writer = new ViewerWriter(transport, Stream, _metrics.Services);
            writer.Start();
            using var together = new Barrier(3);
            var sending = Enumerable.Range(0, 2).Select(sender => Task.Run(() =>
            {
                together.SignalAndWait();
                for (var i = 0; i < 20; i++)
                {
                    writer.Send(Ledger.Frame("stream_info", (sender * 20) + i));
                }
            })).ToList();
            together.SignalAndWait();
            var closed = writer.CloseAsync(CloseCode.UnsupportedData, "malformed", Ledger.Frame(EventNames.StreamEnded, 1000));
            await Task.WhenAll(sending);
            transport.TakeEverything();
            await closed.WaitAsync(Api.Patience);
            Assert.Equal([EventNames.StreamEnded, "close"], Ledger.Parse(transport.Received).TakeLast(2).Select(frame => frame.Name));
        }
    }

    public void Dispose() => _metrics.Dispose();

    /// <summary>Takes a random part of what it is offered; what has to be waited for is taken when the test says so.</summary>
    private sealed class WhimsicalTransport(Random random, bool isDirect, int stinginess) : ViewerTransport
    {
        private readonly Lock _lock = new();
        private readonly MemoryStream _received = new();
        private (ReadOnlyMemory<byte> Bytes, TaskCompletionSource Taken)? _waiting;
        private bool _takesEverything;

        public byte[] Received => _received.ToArray();

        public override PipeReader Input => throw new NotSupportedException();

        public override bool IsDirect => isDirect;

        public override int TrySend(ReadOnlySpan<byte> bytes)
        {
            lock (_lock)
            {
                Assert.Null(_waiting); // Nobody may write beside a write that waits.
                var count = _takesEverything || random.Next(100) >= stinginess ? bytes.Length : random.Next(bytes.Length);
                _received.Write(bytes[..count]);
                return count;
            }
        }

        public override Task SendAsync(ReadOnlyMemory<byte> bytes)
        {
            lock (_lock)
            {
                Assert.Null(_waiting);
                var taken = new TaskCompletionSource();
                _waiting = (bytes, taken);
                return taken.Task;
            }
        }

        public void TakeSome()
        {
            (ReadOnlyMemory<byte> Bytes, TaskCompletionSource Taken) waiting;
            lock (_lock)
            {
                if (_waiting is null || (!_takesEverything && random.Next(100) < stinginess))
                {
                    return;
                }

                waiting = _waiting.Value;
                _received.Write(waiting.Bytes.Span);
                _waiting = null;
            }

            waiting.Taken.SetResult();
        }

        /// <summary>From now on.</summary>
        public void TakeEverything()
        {
            _takesEverything = true;
            while (_waiting is not null)
            {
                TakeSome();
            }
        }

        public override void EndSending() => throw new NotSupportedException();

        public override void Abort() => throw new NotSupportedException();
    }

    private sealed class Ledger
    {
        private int _published;
        private int _counts;
        private int _bitrates;
        private int _total = 5000;

        public static PreparedFrame Frame(string name, int n) => new(
            name, PreparedFrame.KindOf(name), JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object> { ["event"] = name, ["data"] = new { n } }));

        public PreparedFrame Next(Random random)
        {
            _published++;
            switch (random.Next(5))
            {
                case 0:
                    var change = random.Next(-3, 4);
                    _counts++;
                    _total += change;
                    return PreparedFrame.Of(Stream, new ViewerCountEvent(_total, _total, change, DateTimeOffset.UnixEpoch));
                case 1:
                    _bitrates++;
                    return Frame(EventNames.BitrateUpdate, _published);
                case 2:
                    return Frame(EventNames.QualityChanged, _published);
                default:
                    return Frame("stream_info", _published);
            }
        }

        /// <summary>Reads every frame of the wire, strictly.</summary>
        public static List<(string Name, JsonElement Data)> Parse(byte[] wire)
        {
            List<(string, JsonElement)> frames = [];
            for (var at = 0; at < wire.Length;)
            {
                var length = (int)wire[at + 1];
                var head = length == 126 ? 4 : 2;
                length = head == 4 ? BinaryPrimitives.ReadUInt16BigEndian(wire.AsSpan(at + 2)) : length;
                if (wire[at] == 0x88)
                {
                    frames.Add(("close", default));
                    Assert.Equal(wire.Length, at + head + length); // Nothing follows a close.
                    return frames;
                }

                Assert.Equal(0x81, wire[at]);
                var root = JsonElement.Parse(wire.AsSpan(at + head, length));
                frames.Add((root.GetProperty("event").GetString()!, root.GetProperty("data")));
                at += head + length;
            }

            return frames;
        }

        public void Settle(byte[] wire, int seed)
        {
            var (delivered, dropped, counts, bitrates, net, newest) = (0, 0, 0, 0, 0, 0);
            HashSet<int> again = [];
            var frames = Parse(wire);
            foreach (var (name, data) in frames)
            {
                switch (name)
                {
                    case EventNames.Error:
                        dropped += data.GetProperty("dropped_count").GetInt32();
                        break;
                    case EventNames.ViewerCountChanged:
                        counts++;
                        net += data.GetProperty("change").GetInt32();
                        Assert.Equal(5000 + net, data.GetProperty("viewer_count").GetInt32()); // Merged changes lose nothing.
                        break;
                    case EventNames.BitrateUpdate:
                        bitrates++;
                        break;
                    case "close":
                        break;
                    default:
                        var n = data.GetProperty("n").GetInt32();
                        Assert.True(n > newest || name == EventNames.QualityChanged, $"seed {seed}: {n} after {newest}");
                        newest = Math.Max(n, newest);
                        Assert.True(again.Add(n), $"seed {seed}: {n} twice");
                        delivered++;
                        break;
                }
            }

            Assert.Equal("close", frames[^1].Name);
            Assert.Equal(_total, 5000 + net);
            var others = _published - _counts - _bitrates;
            Assert.InRange(delivered + dropped - others, 0, dropped); // The newest dropped quality is sent again, as the present state.
        }
    }

    private sealed class GatewayMetricsScope : IDisposable
    {
        private readonly ServiceProvider _provider = new ServiceCollection().AddMetrics().AddSingleton<GatewayMetrics>().BuildServiceProvider();

        public ViewerDependencies Services => new(_provider.GetRequiredService<GatewayMetrics>(), TimeProvider.System, NullLogger.Instance);

        public void Dispose() => _provider.Dispose();
    }
}
