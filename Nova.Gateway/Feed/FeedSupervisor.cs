using System.Net;
using Nova.Gateway.Frames;
using Nova.Protocol;
using Nova.ServiceDefaults.Background;
using StackExchange.Redis;

namespace Nova.Gateway.Feed;

/// <summary>
/// Watches the connections that events come on, each through itself: the gateway sends itself a message on every one each half second. While none arrives
/// viewers of its streams stay and are warned once; when they arrive again those streams are brought up to date, since pub/sub keeps nothing.
/// </summary>
/// <remarks>
/// What viewers are told comes from the connection's state, never from the order of the client library's events: "restored" was seen before the "failed"
/// that it ended, and the next outage was then taken for one that viewers knew of.
/// </remarks>
internal sealed class FeedSupervisor(
    IConnectionMultiplexer redis, EventChannels channels, RoomDirectory rooms, LoopGuards guards, TimeProvider time, ILogger<FeedSupervisor> logger)
    : BackgroundService
{
    /// <summary>While a feed is broken: an outage soon after the last one is told only if the end of the last one was noticed before.</summary>
    private static readonly TimeSpan BrokenProbeInterval = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>Without a message for this long the connection is deaf. Redis may be slow: with 200 ms each way a message takes 400.</summary>
    private static readonly TimeSpan DeafAfter = TimeSpan.FromSeconds(5);

    /// <summary>The client may lose a connection again while it makes it: that is one outage to a viewer, not two.</summary>
    private static readonly TimeSpan BetweenWarnings = TimeSpan.FromSeconds(1);

    private readonly ISubscriber _subscriber = redis.GetSubscriber();
    private readonly FeedLinks _links = new(redis, channels, time);
    private readonly SemaphoreSlim _changed = new(0);
    private long _subscribedAnewAt;

    /// <summary>Events arrive again, and Redis may have forgotten what gateways told it.</summary>
    public event Action? Restored;

    /// <summary>Whether the viewers of this stream have been warned that events do not arrive.</summary>
    public bool IsLost(StreamFeed feed) =>
        _links.All.Any(link => link.IsLost && (link.Endpoint is null || feed.Endpoint is null || link.Endpoint.Equals(feed.Endpoint)));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // A connection that broke and came back between two looks has lost what was sent meanwhile.
        redis.ConnectionFailed += OnBroken;
        redis.ConnectionRestored += OnBroken;
        try
        {
            await guards["feed supervisor"].RunAsync(
                async token =>
                {
                    await _changed.WaitAsync(_links.All.Any(link => link.IsBroken) ? BrokenProbeInterval : ProbeInterval, token);
                    await CheckAsync();
                },
                stoppingToken);
        }
        finally
        {
            redis.ConnectionFailed -= OnBroken;
            redis.ConnectionRestored -= OnBroken;
            _links.Dispose();
        }
    }

    private void OnBroken(object? sender, ConnectionFailedEventArgs broken)
    {
        // Under RESP3 events come on the interactive connection, under RESP2 on one of their own.
        if (broken.ConnectionType is ConnectionType.Subscription or ConnectionType.Interactive)
        {
            foreach (var link in _links.All.Where(link => link.Endpoint is null || link.Endpoint.Equals(broken.EndPoint)))
            {
                link.Break();
            }

            _changed.Release();
        }
    }

    private void OnHeardWhileBroken() => _changed.Release();

    private async Task CheckAsync()
    {
        if (_links.Refresh(OnHeardWhileBroken))
        {
            await ForEachAsync(rooms.Feeds, feed => feed.ResubscribeAsync());
        }

        await FollowMovedAsync();
        foreach (var link in _links.All)
        {
            if (!_subscriber.IsConnected(link.Probe) || link.Silence > DeafAfter)
            {
                link.Break();
                SubscribeDeafAnew(link);
                await LoseAsync(link);
            }
            else if (link.TryMend())
            {
                await RestoreAsync(link);
            }

            _ = redis.GetDatabase().PublishAsync(link.Probe, RedisValue.EmptyString, CommandFlags.FireAndForget);
        }
    }

    private void SubscribeDeafAnew(FeedLink link)
    {
        if (link.Silence > DeafAfter && time.GetElapsedTime(_subscribedAnewAt) > DeafAfter)
        {
            _subscribedAnewAt = time.GetTimestamp();
            link.SubscribeAnew(OnHeardWhileBroken);
        }
    }

    /// <summary>
    /// A stream whose slot has moved is subscribed to on another node by the client library; what was published there before is lost. So is what was
    /// published while a replica took over.
    /// </summary>
    private Task FollowMovedAsync() => channels.AreSharded ? ForEachAsync(rooms.Feeds.Where(feed => feed.HasMoved()), feed => feed.RestoreAsync()) : Task.CompletedTask;

    private async Task LoseAsync(FeedLink link)
    {
        if (!link.TryLose(BetweenWarnings))
        {
            return;
        }

        logger.FeedLost();
        var notice = PreparedFrame.Of(Notices.UpdatesDelayed(time.GetUtcNow()));
        await ForEachAsync(FeedsOn(link.Endpoint), feed => feed.BroadcastAsync(notice));
    }

    private async Task RestoreAsync(FeedLink link)
    {
        var feeds = FeedsOn(link.Endpoint);
        await ForEachAsync(feeds, feed => feed.RestoreAsync());
        Restored?.Invoke();
        if (link.IsLost)
        {
            link.Find();
            logger.FeedRestored(feeds.Count);
        }
    }

    private IReadOnlyList<StreamFeed> FeedsOn(EndPoint? endpoint) =>
        endpoint is null ? rooms.Feeds : [.. rooms.Feeds.Where(feed => feed.Endpoint is null || feed.Endpoint.Equals(endpoint))];

    /// <summary>One room that fails keeps nothing from the others.</summary>
    private async Task ForEachAsync(IEnumerable<StreamFeed> feeds, Func<StreamFeed, Task> act)
    {
        foreach (var feed in feeds.Where(feed => feed.Room.Status != StreamStatus.Ended))
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
