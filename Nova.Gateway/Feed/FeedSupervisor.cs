using Nova.Gateway.Fanout;
using Nova.Gateway.Presence;
using Nova.Protocol;
using StackExchange.Redis;

namespace Nova.Gateway.Feed;

/// <summary>
/// Watches the connection that events come on. When it breaks, viewers stay and are told once; when it is back, every stream is brought up
/// to date, since pub/sub keeps nothing.
/// </summary>
internal sealed class FeedSupervisor(
    IConnectionMultiplexer redis, RoomDirectory rooms, EventChannels channels, ViewerCounts counts, TimeProvider time, ILogger<FeedSupervisor> logger)
    : IHostedService
{
    private int _lost;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        redis.ConnectionFailed += OnFailed;
        redis.ConnectionRestored += OnRestored;
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        redis.ConnectionFailed -= OnFailed;
        redis.ConnectionRestored -= OnRestored;
        return Task.CompletedTask;
    }

    private void OnFailed(object? sender, ConnectionFailedEventArgs failure)
    {
        if (failure.ConnectionType is not (ConnectionType.Subscription or ConnectionType.Interactive) || Interlocked.Exchange(ref _lost, 1) == 1)
        {
            return;
        }

        logger.FeedLost();
        var notice = PreparedFrame.Of(new ErrorMessage(
            ErrorCodes.ServerError, "Live updates are delayed", ErrorSeverity.Warning, true, "None, updates resume by themselves", time.GetUtcNow()));
        foreach (var feed in rooms.Feeds)
        {
            feed.Tell(notice);
        }
    }

    private async void OnRestored(object? sender, ConnectionFailedEventArgs restored)
    {
        // Under RESP3 events come on the interactive connection, under RESP2 on one of their own: either may have been it.
        if (restored.ConnectionType is not (ConnectionType.Subscription or ConnectionType.Interactive))
        {
            return;
        }

        Interlocked.Exchange(ref _lost, 0);
        var feeds = rooms.Feeds;
        foreach (var feed in feeds)
        {
            try
            {
                await feed.RestoreAsync(channels);
            }
            catch (Exception exception)
            {
                logger.RoomFailed(exception, feed.Room.StreamId); // The report every few seconds subscribes and resyncs what is left.
            }
        }

        counts.ReportAll();
        logger.FeedRestored(feeds.Count);
    }
}
