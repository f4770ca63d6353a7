using System.Collections.Frozen;
using Nova.Protocol.Live;
using StackExchange.Redis;

namespace Nova.StreamState.Presence;

/// <summary>The gateways that live. Viewers of the others are in streams' hashes until somebody takes them out, and are not counted.</summary>
internal sealed class LiveGateways(IConnectionMultiplexer redis, TimeProvider time)
{
    private static readonly TimeSpan FreshFor = TimeSpan.FromSeconds(1);

    /// <summary>A gateway that is not known may just have come; how often it is looked for.</summary>
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private FrozenSet<string> _gateways = [];
    private long _lookedAt;
    private Task<FrozenSet<string>>? _looking;

    /// <param name="reported">Gateways that streams have viewers of.</param>
    public Task<FrozenSet<string>> ReadAsync(IEnumerable<string> reported)
    {
        lock (_lock)
        {
            var age = _lookedAt == 0 ? TimeSpan.MaxValue : time.GetElapsedTime(_lookedAt);
            if (age < LookInterval || (age < FreshFor && reported.All(_gateways.Contains)))
            {
                return Task.FromResult(_gateways);
            }

            if (_looking is null or { IsCompleted: true })
            {
                _looking = LookAsync();
            }

            return _looking;
        }
    }

    private async Task<FrozenSet<string>> LookAsync()
    {
        await Task.Yield(); // Out of the lock.
        var lookedAt = time.GetTimestamp();
        var ids = (string[])(await redis.GetDatabase().ScriptEvaluateAsync(LiveScripts.LiveGateways, [LiveKeys.Gateways]))!;
        lock (_lock)
        {
            (_gateways, _lookedAt) = (ids.ToFrozenSet(), lookedAt);
            return _gateways;
        }
    }
}
