using Nova.Protocol;
using StackExchange.Redis;

namespace Nova.StreamState;

/// <summary>Reads what the gateways' presence keeps in Redis.</summary>
internal sealed class LiveNumbersReader(IConnectionMultiplexer redis)
{
    private static readonly string Script = EmbeddedScript.Read("live.lua");

    /// <summary>Null while Redis cannot be asked: the caller falls back on what was last persisted.</summary>
    public async Task<LiveNumbers?> ReadAsync(Guid streamId)
    {
        if (!redis.IsConnected)
        {
            return null;
        }

        try
        {
            var numbers = (int[])(await redis.GetDatabase().ScriptEvaluateAsync(Script, [StreamKeys.Live(streamId)]))!;
            return new LiveNumbers(numbers[0], numbers[1]);
        }
        catch (RedisException)
        {
            return null;
        }
        catch (TimeoutException)
        {
            return null;
        }
    }
}
