using Nova.Protocol;
using StackExchange.Redis;

namespace Nova.StreamState.Outbox;

/// <summary>Puts events on a stream's Redis channel.</summary>
internal sealed class EventPublisher(IConnectionMultiplexer redis)
{
    private static readonly string Script = EmbeddedScript.Read("publish.lua");
    private static readonly string AnnounceScript = EmbeddedScript.Read("announce.lua");

    /// <summary>Longer than any broadcast is silent; gateways extend it while anybody watches.</summary>
    private static readonly long LiveHashSeconds = (long)TimeSpan.FromHours(24).TotalSeconds;

    /// <summary>
    /// An event of this time is about to be committed. Not waited for, and where Redis is away nothing is missed: then no count passes either.
    /// </summary>
    public void Announce(Guid streamId, DateTimeOffset happensAt)
    {
        if (redis.IsConnected)
        {
            redis.GetDatabase().ScriptEvaluate(
                AnnounceScript, [StreamKeys.Live(streamId)], [happensAt.ToUnixTimeMilliseconds(), LiveHashSeconds], CommandFlags.FireAndForget);
        }
    }

    /// <exception cref="RedisException">Redis did not take it; nothing is lost, the caller tries again.</exception>
    public Task PublishAsync(Guid streamId, StreamEvent streamEvent, DateTimeOffset happenedAt) =>
        redis.GetDatabase().ScriptEvaluateAsync(
            Script,
            [StreamKeys.Live(streamId)],
            [
                StreamKeys.Channel(streamId),
                streamEvent.Encode(),
                streamEvent.Version,
                happenedAt.ToUnixTimeMilliseconds(),
                streamEvent.EventName,
                LiveHashSeconds,
            ]);
}
