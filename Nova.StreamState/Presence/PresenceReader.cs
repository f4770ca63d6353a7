using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.ServiceDefaults.Health;
using StackExchange.Redis;

namespace Nova.StreamState.Presence;

/// <summary>Reads what the gateways' presence keeps in Redis. Nobody waits long for it: the caller has what was last persisted.</summary>
internal sealed class PresenceReader(IConnectionMultiplexer redis, LiveGateways gateways, RedisProbe probe, TimeProvider time)
{
    /// <summary>What a change may wait for Redis, of the 100 ms that a Redis which hangs may cost it.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(80);

    /// <summary>Null where Redis does not answer in time, or knows nothing: it may have lost its memory (S52).</summary>
    public async Task<PresenceTotals?> ReadAsync(Guid streamId, TimeSpan patience, CancellationToken cancellationToken) =>
        (await ReadAsync([streamId], patience, cancellationToken)).TryGetValue(streamId, out var totals) ? totals : null;

    /// <summary>Many streams in one round trip to each node. Those that Redis knows nothing of are left out.</summary>
    public async Task<IReadOnlyDictionary<Guid, PresenceTotals>> ReadAsync(
        IReadOnlyCollection<Guid> streamIds, TimeSpan patience, CancellationToken cancellationToken)
    {
        if (!probe.IsAnswering)
        {
            return new Dictionary<Guid, PresenceTotals>();
        }

        try
        {
            return await ReadAsync(streamIds).WaitAsync(patience, time, cancellationToken);
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            return new Dictionary<Guid, PresenceTotals>();
        }
    }

    private async Task<Dictionary<Guid, PresenceTotals>> ReadAsync(IReadOnlyCollection<Guid> streamIds)
    {
        var database = redis.GetDatabase();
        var hashes = await Task.WhenAll(streamIds.Select(id => database.HashGetAllAsync(LiveKeys.Stream(id))));
        var reported = hashes.SelectMany(hash => LiveKeys.GatewaysOf(hash.Select(field => (string)field.Name!))).ToHashSet();
        var live = (reported.Count == 0 ? [] : await gateways.ReadAsync(reported)).Select(LiveKeys.ViewersOf).ToHashSet();
        return streamIds.Zip(hashes, (id, hash) => (id, Totals: Sum(hash, live)))
            .Where(stream => stream.Totals is not null).ToDictionary(stream => stream.id, stream => stream.Totals!.Value);
    }

    /// <param name="live">The fields of live gateways.</param>
    private static PresenceTotals? Sum(HashEntry[] hash, HashSet<string> live)
    {
        var (sum, peak, isCounted) = (0, 0, false);
        (int? sentKbps, int? sentMaximum) = (null, null);
        foreach (var field in hash)
        {
            if (!field.Value.TryParse(out int number))
            {
                continue; // Somebody else wrote it, or it is a time.
            }

            var name = (string)field.Name!;
            sum += live.Contains(name) ? number : 0;
            peak = name == "peak" ? number : peak;
            isCounted |= name == "total";
            sentKbps = name == "sent_kbps" ? number : sentKbps;
            sentMaximum = name == "sent_maximum" ? number : sentMaximum;
        }

        // Beyond the peak they may be a dead gateway's (S51).
        StreamHealth? health = (sentKbps, sentMaximum) is ({ } kbps, { } maximum) ? BitrateUpdate.HealthOf(kbps, maximum) : null;
        return isCounted ? new PresenceTotals(Math.Min(sum, peak), peak) { BitrateKbps = sentKbps, Health = health } : null;
    }
}
