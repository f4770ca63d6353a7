using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.Standalone;
using Nova.Tests.Support;
using StackExchange.Redis;

namespace Nova.Tests.Protocol.Conformance;

/// <summary>
/// More events than the publisher's API makes in a test's time: quality changes, numbered by their bitrate, straight onto the channel.
/// </summary>
internal sealed class Flood : IAsyncDisposable
{
    /// <summary>Far less than a gateway holds for a stream that comes too fast, or the flood itself would be lost.</summary>
    private const int Burst = 500;

    private readonly ConnectionMultiplexer _redis;
    private readonly TestStream _stream;
    private readonly Viewer _pace;
    private long _version;

    private Flood(ConnectionMultiplexer redis, TestStream stream, Viewer pace, long version)
    {
        _redis = redis;
        _stream = stream;
        _pace = pace;
        _version = version;
    }

    /// <summary>Number of the last one.</summary>
    public int Published { get; private set; }

    /// <param name="pace">
    /// Reads as fast as events come; the flood waits for it, so that what others do not get is their own doing. It joins after them: a pass over the viewers
    /// comes to it last, and what it has got they have been given. (A reader that began a pass too early found a second notice.)
    /// </param>
    public static async Task<Flood> OpenAsync(NovaStack stack, TestStream stream, Viewer pace)
    {
        await pace.WaitForAsync(EventNames.ViewerCountChanged);
        var redis = await ConnectionMultiplexer.ConnectAsync(stack.ConnectionString("redis"));
        return new(redis, stream, pace, (await stream.GetAsync()).Number("version"));
    }

    public async Task PublishAsync(int count)
    {
        var channel = RedisChannel.Literal(LiveKeys.Channel(Guid.Parse(_stream.Id)));
        for (var last = Published + count; Published < last;)
        {
            var from = _pace.Frames.Count;
            for (var end = Math.Min(last, Published + Burst); Published < end;)
            {
                var change = ChannelEvents.Quality(_stream.Id, ++_version, ++Published);
                await _redis.GetSubscriber().PublishAsync(channel, change, CommandFlags.FireAndForget);
            }

            await _pace.WaitForChangeAsync(Published, TimeSpan.FromSeconds(60), from);
        }
    }

    public ValueTask DisposeAsync() => _redis.DisposeAsync();
}

/// <summary>What a viewer who did not read while events came finds when it reads again.</summary>
internal sealed record Ledger(IReadOnlyList<Frame> Frames)
{
    /// <summary>Small from the start, so that little of the past is on the viewer's own side.</summary>
    public const int ReceiveBuffer = 4096;

    public IReadOnlyList<Frame> Changes => [.. Frames.Where(frame => frame.Event == EventNames.QualityChanged)];

    public IReadOnlyList<Frame> Notices =>
        [.. Frames.Where(frame => frame.Event == EventNames.Error && frame.Text("error_code") == ErrorCodes.MessagesDropped)];

    public int Dropped => Notices.Sum(notice => notice.Number("dropped_count"));

    /// <summary>Everything up to the quality change with that number.</summary>
    public static async Task<Ledger> ReadAsync(RawViewer viewer, int last)
    {
        List<Frame> frames = [];
        do
        {
            var frame = await viewer.ReadAsync(TimeSpan.FromSeconds(30));
            Assert.Equal(RawFrame.Text, frame?.Opcode);
            frames.Add(frame!.AsMessage());
        }
        while (frames[^1].Event != EventNames.QualityChanged || frames[^1].Number("new_bitrate_kbps") != last);
        return new Ledger(frames);
    }
}
