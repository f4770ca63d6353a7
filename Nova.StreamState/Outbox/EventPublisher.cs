using Nova.Protocol;
using StackExchange.Redis;

namespace Nova.StreamState.Outbox;

/// <summary>Puts events on a stream's Redis channel.</summary>
internal sealed class EventPublisher(IConnectionMultiplexer redis, TimeProvider time)
{
    private static readonly string Script = EmbeddedScript.Read("publish.lua");
    private static readonly string AnnounceScript = EmbeddedScript.Read("announce.lua");

    private static readonly TimeSpan LongestAnnouncement = TimeSpan.FromMilliseconds(100);

    /// <summary>Longer than any broadcast is silent; gateways extend it while anybody watches.</summary>
    private static readonly long LiveHashSeconds = (long)TimeSpan.FromHours(24).TotalSeconds;

    /// <summary>
    /// A change begins whose event will get its time: from now on no count may overtake it. Where Redis is slow or away, the change does not wait
    /// for it: then counts hardly pass either.
    /// </summary>
    public async Task AnnounceAsync(Guid streamId, CancellationToken cancellationToken)
    {
        if (redis.IsConnected)
        {
            await Announce(streamId, 1, CommandFlags.None).WaitAsync(LongestAnnouncement, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Its event is told, or none comes of it.</summary>
    public void Withdraw(Guid streamId)
    {
        if (redis.IsConnected)
        {
            _ = Announce(streamId, -1, CommandFlags.FireAndForget);
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

    private Task Announce(Guid streamId, int change, CommandFlags flags) =>
        redis.GetDatabase().ScriptEvaluateAsync(AnnounceScript, [StreamKeys.Live(streamId)], [change, LiveHashSeconds], flags);
}
