using Nova.Gateway.Fanout;
using Nova.Protocol;

namespace Nova.Gateway.Feed;

/// <summary>
/// Opens feeds without a gap: first subscribe, then read the snapshot, then let through what has come meanwhile and is newer.
/// </summary>
internal sealed class StreamFeedFactory(
    EventChannels channels, SnapshotClient snapshots, GatewayMetrics metrics, TimeProvider time, ILogger<StreamFeed> logger)
{
    /// <returns>Null where there is no such stream.</returns>
    /// <exception cref="StreamStateUnavailableException">StreamState cannot be asked.</exception>
    public async Task<StreamFeed?> OpenAsync(Guid streamId)
    {
        var items = StreamFeed.CreateQueue(metrics);
        var subscription = await channels.TrySubscribeAsync(streamId, items.Writer);
        StreamSnapshot? snapshot = null;
        try
        {
            snapshot = await snapshots.ReadAsync(streamId, CancellationToken.None);
        }
        finally
        {
            if (subscription is not null && snapshot is null or { Status: StreamStatus.Ended })
            {
                await EventChannels.TryUnsubscribeAsync(subscription!);
                subscription = null;
            }
        }

        return snapshot is null
            ? null
            : new StreamFeed(new StreamRoom(snapshot, metrics, time), items, subscription, snapshots, metrics, time, logger);
    }
}
