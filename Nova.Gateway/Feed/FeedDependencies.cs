using Nova.ServiceDefaults.Background;

namespace Nova.Gateway.Feed;

/// <summary>Services shared by all feeds.</summary>
/// <param name="Guard">Around every feed's loop and every fan-out.</param>
internal sealed record FeedDependencies(
    EventChannels Channels, SnapshotClient Snapshots, RecountRequests Recounts, ViewerListRequests ViewerLists,
    GatewayMetrics Metrics, LoopGuard Guard, TimeProvider Time, ILogger Logger);
