using Nova.Protocol.Live;
using StackExchange.Redis;

namespace Nova.StreamState.Ingest;

/// <summary>What Redis knows of a watched stream.</summary>
/// <param name="SignalAt">Unix ms; null where Redis lost its memory.</param>
internal sealed record WatchedStream(Guid StreamId, long? SignalAt, bool HasEnded);

/// <summary>
/// The streams whose broadcasters are watched for, by the time at which to look. A heartbeat does not touch this: whoever looks finds it in the stream's
/// hash and looks again a timeout after it.
/// </summary>
internal sealed class WatchedStreams(IConnectionMultiplexer redis)
{
    /// <summary>Looked at together, of each set.</summary>
    private const int Batch = 500;

    /// <returns>Now and when a walk last began, unix ms by Redis' clock; the latter null where it is not known.</returns>
    public async Task<(long Now, long? Before)> BeginWalkAsync()
    {
        var times = (long[])(await redis.GetDatabase().ScriptEvaluateAsync(LiveScripts.BeginWalk, [LiveKeys.Walk]))!;
        return (times[0], times[1] < 0 ? null : times[1]);
    }

    /// <summary>Adds streams that are not there yet; they are looked at in the next walk.</summary>
    public Task AddAsync(IEnumerable<Guid> streamIds) => Task.WhenAll(streamIds.GroupBy(LiveKeys.DeadlinesOf).Select(set =>
        redis.GetDatabase().SortedSetAddAsync(set.Key, [.. set.Select(id => new SortedSetEntry(id.ToString("D"), 0))], SortedSetWhen.NotExists)));

    /// <summary>Streams whose time has come.</summary>
    public async Task<IReadOnlyList<WatchedStream>> FindDueAsync(long now)
    {
        var database = redis.GetDatabase();
        var sets = await Task.WhenAll(Enumerable.Range(0, LiveKeys.DeadlineSets).Select(set =>
            database.SortedSetRangeByScoreAsync(LiveKeys.Deadlines(set), stop: now, take: Batch)));
        return await ReadAsync([.. sets.SelectMany(set => set).Select(id => Guid.Parse((string)id!))]);
    }

    public Task<WatchedStream[]> ReadAsync(IReadOnlyCollection<Guid> streamIds) => Task.WhenAll(streamIds.Select(async id =>
    {
        var fields = await redis.GetDatabase().HashGetAsync(LiveKeys.Stream(id), ["signal_at", "ended"]);
        return new WatchedStream(id, (long?)fields[0], !fields[1].IsNull);
    }));

    public Task LookAgainAsync(Guid streamId, long at) => redis.GetDatabase().SortedSetAddAsync(LiveKeys.DeadlinesOf(streamId), streamId.ToString("D"), at);

    public Task RemoveAsync(Guid streamId) => redis.GetDatabase().SortedSetRemoveAsync(LiveKeys.DeadlinesOf(streamId), streamId.ToString("D"));

    /// <summary>Redis lost its memory: the broadcaster gets a whole timeout from now.</summary>
    public Task HearAsync(Guid streamId, long now) => redis.GetDatabase().HashSetAsync(LiveKeys.Stream(streamId), "signal_at", now, When.NotExists);

    /// <summary>Redis may have forgotten that they are lost, and the next sign of life must end it.</summary>
    public Task MarkLostAsync(IEnumerable<Guid> streamIds) =>
        Task.WhenAll(streamIds.Select(id => redis.GetDatabase().HashSetAsync(LiveKeys.Stream(id), "lost", 1, When.NotExists)));

    public Task MarkFoundAsync(Guid streamId) => redis.GetDatabase().HashDeleteAsync(LiveKeys.Stream(streamId), "lost");
}
