using System.Text;
using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.Tests.Support;
using StackExchange.Redis;

namespace Nova.Tests.Gateway.WebSockets;

/// <summary>
/// Viewers with hardly any window, who read in sips and stall, and who ping and ask while events come fast: whatever one of them reads is
/// whole frames of whole envelopes, in order, and every event was delivered or announced as dropped.
/// </summary>
public sealed class InterleavingTests(NovaFixture nova)
{
    private const int Viewers = 30;
    private const int ReceiveBuffer = 2304; // The least that Linux gives.
    private const int ByRest = 40;
    private const int Burst = 120; // More than a backlog holds.
    private const int Bursts = 8;
    private const int Published = ByRest + (Burst * Bursts);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task SipsPingsAndQuestions_WhileEventsComeFast_NeverTearAFrame(bool tls)
    {
        await using var secure = tls ? await TlsGateway.StartAsync(nova.Stack) : null;
        var gateway = secure?.Address ?? nova.Stack.Gateways[0];
        var token = secure is null ? await nova.Api.TokenAsync() : await secure.TokenAsync();
        var stream = await nova.Api.StartStreamAsync();
        var progress = new Progress();
        var sippers = await Task.WhenAll(Enumerable.Range(0, Viewers).Select(i => Sipper.JoinAsync(gateway, stream.Id, token, progress, seed: i)));
        await using var healthy = await stream.WatchAsync();
        var all = Task.WhenAll(sippers.Select(sipper => sipper.RunAsync()));

        await PublishAsync(stream, healthy, progress, sippers);
        await all.WaitAsync(TimeSpan.FromSeconds(60));
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{sippers.Sum(sipper => sipper.Delivered):N0} events delivered, {sippers.Sum(sipper => sipper.Dropped):N0} dropped, "
            + $"{sippers.Count(sipper => sipper.Dropped > 0)} of {Viewers} viewers fell behind");
        Assert.Contains(sippers, sipper => sipper.Dropped > 0);
        Assert.All(sippers, sipper => sipper.AssertAddsUp(Published));
        foreach (var sipper in sippers)
        {
            await sipper.DisposeAsync();
        }
    }

    /// <summary>Events numbered in their bitrate: first by the API, then straight onto the channel, with measurements and counts among them.</summary>
    private async Task PublishAsync(TestStream stream, Viewer healthy, Progress progress, Sipper[] sippers)
    {
        var version = 0;
        for (var number = 1; number <= ByRest; number++)
        {
            var answer = await stream.PostAsync("quality", $$"""{"new_quality":"720p","new_bitrate_kbps":{{number}},"reason":"adaptive_bitrate"}""");
            version = answer.Number("version");
            progress.Advance(number);
        }

        await using var redis = await ConnectionMultiplexer.ConnectAsync(nova.Stack.ConnectionString("redis"));
        var channel = RedisChannel.Literal(LiveKeys.Channel(Guid.Parse(stream.Id)));
        var publisher = redis.GetSubscriber();
        for (var number = ByRest; number < Published;)
        {
            // The one who reads well sets the pace, or the feed itself would overflow.
            await healthy.WaitForAsync(EventNames.QualityChanged, change => change.GetProperty("new_bitrate_kbps").GetInt32() == number);
            var asking = Task.WhenAll(sippers.Select(sipper => sipper.AskAsync()));
            for (var i = 0; i < Burst; i++)
            {
                number++;
                await publisher.PublishAsync(channel, ChannelEvents.Quality(stream.Id, ++version, number), CommandFlags.FireAndForget);
                if (i % 10 == 0)
                {
                    await publisher.PublishAsync(channel, Measurement(number), CommandFlags.FireAndForget);
                }

                progress.Advance(number);
            }

            await using var passing = await stream.WatchAsync();
            await asking;
        }

        progress.Finish();
    }

    private static byte[] Measurement(int number) => System.Text.Encoding.ASCII.GetBytes($"B {number} 720p 4000 {DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()}");

    /// <summary>How far the publisher is; who stalls waits for it instead of for time to pass.</summary>
    private sealed class Progress
    {
        private readonly Lock _lock = new();
        private readonly List<(int Number, TaskCompletionSource Reached)> _waiting = [];
        private int _published;

        public int Published => Volatile.Read(ref _published);

        public void Advance(int number)
        {
            lock (_lock)
            {
                _published = number;
                foreach (var (_, reached) in _waiting.Where(waiting => waiting.Number <= number))
                {
                    reached.TrySetResult();
                }

                _waiting.RemoveAll(waiting => waiting.Number <= number);
            }
        }

        public void Finish() => Advance(int.MaxValue);

        public Task ReachAsync(int number)
        {
            lock (_lock)
            {
                if (_published >= number)
                {
                    return Task.CompletedTask;
                }

                var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _waiting.Add((number, reached));
                return reached.Task;
            }
        }
    }

    /// <summary>One viewer, and the ledger of all that it was told.</summary>
    private sealed class Sipper : IAsyncDisposable
    {
        private readonly RawViewer _viewer;
        private readonly Progress _progress;
        private readonly Random _random;
        private readonly int _stallsEvery;
        private readonly List<Frame> _messages = [];
        private readonly List<int> _pongs = [];
        private int _asked;

        private Sipper(RawViewer viewer, Progress progress, int seed)
        {
            _viewer = viewer;
            _progress = progress;
            _random = new Random(seed);
            _stallsEvery = (seed % 3) switch { 0 => 0, 1 => 100, _ => 20 }; // Sips between two stalls, on average
            viewer.ReadLimit = SipAsync;
        }

        public int Delivered => Changes().Count();

        public int Dropped => Notices().Sum(notice => DroppedOf(notice, EventNames.QualityChanged));

        public static async Task<Sipper> JoinAsync(Uri gateway, string streamId, string token, Progress progress, int seed) =>
            new(await RawViewer.WatchAsync(gateway, streamId, token, ReceiveBuffer), progress, seed);

        /// <summary>A ping and a question, in one write or byte by byte.</summary>
        public async Task AskAsync()
        {
            var number = ++_asked;
            await _viewer.WriteAsync(
                (byte[])[.. RawFrame.Build(RawFrame.Ping, Encoding.ASCII.GetBytes($"{number}")), .. RawFrame.Build(RawFrame.Text, AutobahnCases.Info($"{number}"))],
                pieceSize: number % 3 == 0 ? 1 : 0);
        }

        /// <summary>Reads until the last event is there, asks once more, closes, and reads to the end.</summary>
        public async Task RunAsync()
        {
            await ReadUntilAsync(frame => frame is { Event: EventNames.QualityChanged } && frame.Number("new_bitrate_kbps") == InterleavingTests.Published);
            await _progress.ReachAsync(int.MaxValue); // No question of the publisher's is still being written.
            await AskAsync();
            await ReadUntilAsync(frame => frame is { Event: EventNames.StreamInfo } && frame.Text("request_id") == $"{_asked}");
            await _viewer.WriteAsync(RawFrame.OfClose(1000));
            var rest = await _viewer.ReadToEndAsync(within: TimeSpan.FromSeconds(60));
            foreach (var frame in rest.Frames.SkipLast(1))
            {
                Note(frame);
            }

            Assert.Equal((1000, RawEnding.Fin), (rest.CloseCode, rest.Ending));
        }

        public void AssertAddsUp(int published)
        {
            var (last, announced, notices) = (0, 0, 0);
            foreach (var message in _messages)
            {
                if (message.Event == EventNames.Error)
                {
                    Assert.Equal(ErrorCodes.MessagesDropped, message.Text("error_code"));
                    Assert.Equal(
                        message.Data.GetProperty("dropped_by_event").EnumerateObject().Sum(dropped => dropped.Value.GetInt32()), message.Number("dropped_count"));
                    announced += DroppedOf(message, EventNames.QualityChanged);
                    notices++;
                }
                else if (message.Event == EventNames.QualityChanged)
                {
                    // Every gap was announced before what follows it; what was dropped last may come again as the present state.
                    var number = message.Number("new_bitrate_kbps");
                    Assert.InRange(number, last + 1, published);
                    Assert.InRange(announced - (number - last - 1), 0, notices > 0 ? 1 : 0);
                    (last, announced, notices) = (number, 0, 0);
                }
            }

            Assert.Equal(published, last);
            var answers = _messages.Where(message => message.Event == EventNames.StreamInfo).Select(message => int.Parse(message.Text("request_id"))).ToList();
            Assert.Equal(answers.Distinct().Order(), answers);
            Assert.Equal(_asked, answers.Count + Notices().Sum(notice => DroppedOf(notice, EventNames.StreamInfo)));

            Assert.Equal(_pongs.Distinct().Order(), _pongs); // Of several pending the last is enough.
            Assert.Equal(_asked, _pongs[^1]);

            var measured = _messages.Where(message => message.Event == EventNames.BitrateUpdate).Select(message => message.Number("current_bitrate_kbps")).ToList();
            Assert.Equal(measured.Distinct().Order(), measured);
            Assert.All(
                _messages.Where(message => message.Event == EventNames.ViewerCountChanged),
                count => Assert.InRange(count.Number("viewer_count"), 1, count.Number("peak_viewers"))); // Merged ones are not announced.
        }

        public ValueTask DisposeAsync() => _viewer.DisposeAsync();

        private async Task ReadUntilAsync(Func<Frame?, bool> enough)
        {
            while (true)
            {
                var frame = await _viewer.ReadAsync(TimeSpan.FromSeconds(60));
                Assert.True(frame is { Opcode: RawFrame.Text or RawFrame.Pong }, $"The connection ended ({_viewer.Ending}).");
                if (enough(Note(frame)))
                {
                    return;
                }
            }
        }

        /// <summary>Some bytes at a time; of some viewers now and then none until the publisher is further. At the end as much as there is.</summary>
        private async ValueTask<int> SipAsync()
        {
            if (_progress.Published == int.MaxValue)
            {
                return int.MaxValue;
            }

            if (_stallsEvery > 0 && _random.Next(_stallsEvery) == 0)
            {
                await _progress.ReachAsync(_progress.Published + _random.Next(4 * Burst));
            }

            return _random.Next(1, 600);
        }

        /// <returns>Null for a pong.</returns>
        private Frame? Note(RawFrame frame)
        {
            if (frame.Opcode == RawFrame.Pong)
            {
                _pongs.Add(int.Parse(frame.AsText));
                return null;
            }

            var message = frame.AsMessage();
            _messages.Add(message);
            return message;
        }

        private IEnumerable<Frame> Changes() => _messages.Where(message => message.Event == EventNames.QualityChanged);

        private IEnumerable<Frame> Notices() => _messages.Where(message => message.Event == EventNames.Error);

        private static int DroppedOf(Frame notice, string name) =>
            notice.Data.GetProperty("dropped_by_event") is { } dropped && dropped.TryGetProperty(name, out var count) ? count.GetInt32() : 0;
    }
}
