using Nova.Protocol;
using Nova.ServiceDefaults.Background;

namespace Nova.Gateway.Feed;

/// <summary>
/// Opens feeds without a gap: first subscribe, then read the snapshot, then let through what has come meanwhile and is newer.
/// </summary>
internal sealed class StreamFeedFactory(
    EventChannels channels, SnapshotClient snapshots, RecountRequests recounts, ViewerListRequests viewerLists, GatewayMetrics metrics, LoopGuards guards,
    TimeProvider time, ILogger<StreamFeed> logger)
{
    private readonly FeedDependencies _dependencies = new(channels, snapshots, recounts, viewerLists, metrics, guards["stream feed"], time, logger);

    /// <returns>Null where there is no such stream.</returns>
    /// <exception cref="StreamStateUnavailableException">StreamState cannot be asked.</exception>
    public async Task<StreamFeed?> OpenAsync(Guid streamId)
    {
        var messages = await channels.SubscribeAsync(streamId);
        StreamSnapshot? snapshot = null;
        try
        {
            snapshot = await snapshots.ReadForOpeningAsync(streamId);
        }
        finally
        {
            if (snapshot is null or { Status: StreamStatus.Ended })
            {
                EventChannels.Unsubscribe(messages);
            }
        }

        return snapshot is null ? null : new StreamFeed(snapshot, snapshot.Status == StreamStatus.Ended ? null : messages, _dependencies);
    }
}
