using Nova.Protocol;
using Nova.ServiceDefaults.Health;
using StackExchange.Redis;

namespace Nova.StreamState.Presence;

/// <summary>Reads what the gateways' presence keeps in Redis. Nobody waits long for it: the caller has what was last persisted.</summary>
internal sealed class PresenceReader(IConnectionMultiplexer redis, RedisProbe probe, TimeProvider time)
{
    /// <summary>What a change may wait for Redis, of the 100 ms that a Redis which hangs may cost it.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(80);

    private static readonly string Script = EmbeddedScript.Read("totals.lua");

    /// <summary>Null where Redis does not answer in time.</summary>
    public async Task<PresenceTotals?> ReadAsync(Guid streamId, TimeSpan patience, CancellationToken cancellationToken)
    {
        if (!probe.IsAnswering)
        {
            return null;
        }

        try
        {
            var totals = (int[])(await redis.GetDatabase().ScriptEvaluateAsync(Script, [StreamKeys.Live(streamId)]).WaitAsync(patience, time, cancellationToken))!;
            return new PresenceTotals(totals[0], totals[1]);
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            return null;
        }
    }

    /// <summary>
    /// For a list, in one round trip: as last published, so without a look at leases. Where all gateways of a stream died together the totals are
    /// too high, until somebody watches it again.
    /// </summary>
    public async Task<IReadOnlyDictionary<Guid, PresenceTotals>> ReadPublishedAsync(IEnumerable<Guid> streamIds, CancellationToken cancellationToken)
    {
        if (!probe.IsAnswering)
        {
            return new Dictionary<Guid, PresenceTotals>();
        }

        var database = redis.GetDatabase();
        var reads = streamIds.Select(id => (Id: id, Fields: database.HashGetAsync(StreamKeys.Live(id), ["total", "peak"]))).ToList();
        try
        {
            await Task.WhenAll(reads.Select(read => read.Fields)).WaitAsync(Patience, time, cancellationToken);
            return reads.Where(read => !read.Fields.Result[0].IsNull).ToDictionary(
                read => read.Id, read => new PresenceTotals((int)read.Fields.Result[0], (int)read.Fields.Result[1]));
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            return new Dictionary<Guid, PresenceTotals>();
        }
    }
}
