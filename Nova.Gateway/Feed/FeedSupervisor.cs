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
        if (failure.ConnectionType != ConnectionType.Subscription || Interlocked.Exchange(ref _lost, 1) == 1)
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
        if (restored.ConnectionType != ConnectionType.Subscription)
        {
            return;
        }

        try
        {
            Interlocked.Exchange(ref _lost, 0);
            var feeds = rooms.Feeds;
            foreach (var feed in feeds)
            {
                await feed.RestoreAsync(channels);
            }

            counts.ReportAll();
            logger.FeedRestored(feeds.Count);
        }
        catch (Exception exception)
        {
            logger.CountsDelayed(exception.Message); // The refresh every few seconds repairs what is left.
        }
    }
}
