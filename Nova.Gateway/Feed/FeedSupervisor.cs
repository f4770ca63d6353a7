using Nova.Gateway.Frames;
using Nova.ServiceDefaults.Background;
using StackExchange.Redis;

namespace Nova.Gateway.Feed;

/// <summary>
/// Watches the connection that events come on, through that connection: it sends itself a message every half second. While none arrives viewers
/// stay and are warned once; when they arrive again, every stream is brought up to date, since pub/sub keeps nothing.
/// </summary>
/// <remarks>
/// What viewers are told comes from the connection's state, never from the order of the client library's events: "restored" was seen before the "failed"
/// that it ended, and the next outage was then taken for one that viewers knew of.
/// </remarks>
internal sealed class FeedSupervisor(IConnectionMultiplexer redis, RoomDirectory rooms, LoopGuards guards, TimeProvider time, ILogger<FeedSupervisor> logger)
    : BackgroundService
{
    /// <summary>While the feed is broken: an outage soon after the last one is told only if the end of the last one was noticed before.</summary>
    private static readonly TimeSpan BrokenProbeInterval = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>Without a message for this long the connection is deaf. Redis may be slow: with 200 ms each way a message takes 400.</summary>
    private static readonly TimeSpan DeafAfter = TimeSpan.FromSeconds(5);

    private readonly RedisChannel _probe = RedisChannel.Literal($"nova:probe:{Guid.CreateVersion7():N}");
    private readonly ISubscriber _subscriber = redis.GetSubscriber();
    private readonly SemaphoreSlim _changed = new(0);
    private long _heardAt = time.GetTimestamp();
    private long _brokenAt;
    private bool _isLost;

    /// <summary>Events arrive again, and Redis may have forgotten what gateways told it.</summary>
    public event Action? Restored;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // A connection that broke and came back between two looks has lost what was sent meanwhile.
        redis.ConnectionFailed += OnBroken;
        redis.ConnectionRestored += OnBroken;
        var messages = _subscriber.Subscribe(_probe, CommandFlags.FireAndForget);
        messages.OnMessage(_ => OnHeard());
        try
        {
            await guards["feed supervisor"].RunAsync(
                async token =>
                {
                    await _changed.WaitAsync(Volatile.Read(ref _brokenAt) == 0 ? ProbeInterval : BrokenProbeInterval, token);
                    await CheckAsync();
                },
                stoppingToken);
        }
        finally
        {
            redis.ConnectionFailed -= OnBroken;
            redis.ConnectionRestored -= OnBroken;
            EventChannels.Unsubscribe(messages);
        }
    }

    private void OnBroken(object? sender, ConnectionFailedEventArgs broken)
    {
        // Under RESP3 events come on the interactive connection, under RESP2 on one of their own.
        if (broken.ConnectionType is ConnectionType.Subscription or ConnectionType.Interactive)
        {
            Volatile.Write(ref _brokenAt, time.GetTimestamp());
            _changed.Release();
        }
    }

    private void OnHeard()
    {
        Volatile.Write(ref _heardAt, time.GetTimestamp());
        if (Volatile.Read(ref _brokenAt) != 0)
        {
            _changed.Release(); // The outage may be over; the next one must not find it open.
        }
    }

    private async Task CheckAsync()
    {
        var heardAt = Volatile.Read(ref _heardAt);
        if (!_subscriber.IsConnected(_probe) || time.GetElapsedTime(heardAt) > DeafAfter)
        {
            Volatile.Write(ref _brokenAt, time.GetTimestamp());
            await LoseAsync();
        }
        else if (Volatile.Read(ref _brokenAt) is not 0 and var brokenAt && heardAt > brokenAt
            && Interlocked.CompareExchange(ref _brokenAt, 0, brokenAt) == brokenAt)
        {
            await RestoreAsync();
        }

        _ = redis.GetDatabase().PublishAsync(_probe, RedisValue.EmptyString, CommandFlags.FireAndForget);
    }

    private async Task LoseAsync()
    {
        if (_isLost)
        {
            return;
        }

        _isLost = true;
        logger.FeedLost();
        var notice = PreparedFrame.Of(Notices.UpdatesDelayed(time.GetUtcNow()));
        await ForEachAsync(feed => feed.BroadcastAsync(notice));
    }

    private async Task RestoreAsync()
    {
        await ForEachAsync(feed => feed.RestoreAsync());
        Restored?.Invoke();
        if (_isLost)
        {
            _isLost = false;
            logger.FeedRestored(rooms.Feeds.Count);
        }
    }

    /// <summary>One room that fails keeps nothing from the others.</summary>
    private async Task ForEachAsync(Func<StreamFeed, Task> act)
    {
        foreach (var feed in rooms.Feeds)
        {
            try
            {
                await act(feed);
            }
            catch (Exception exception)
            {
                guards["feed supervisor"].Report(exception);
            }
        }
    }
}
