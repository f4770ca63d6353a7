using System.Globalization;
using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.ServiceDefaults.Health;
using Nova.ServiceDefaults.Redis;
using StackExchange.Redis;

namespace Nova.StreamState.Outbox;

/// <summary>An event and when it happened.</summary>
internal sealed record PublishedEvent(StreamEvent Event, DateTimeOffset HappenedAt);

/// <summary>Puts events on a stream's Redis channel.</summary>
internal sealed class EventPublisher(IConnectionMultiplexer redis, RedisChannels channels, RedisProbe probe, TimeProvider time)
{
    private static readonly long SecondsToLive = (long)LiveKeys.TimeToLive.TotalSeconds;

    /// <summary>
    /// Registers a pending change so that report_viewers.lua does not stamp a count later than its event. Disposing unregisters it, unless the change was
    /// committed: then its publication does.
    /// </summary>
    public Announcement Announce(Guid streamId) => new(this, streamId, probe.IsAnswering);

    /// <summary>Publishes events of one stream in their order, together.</summary>
    /// <exception cref="RedisException">Redis did not take them; nothing is lost, the caller tries again.</exception>
    public Task PublishAsync(Guid streamId, IReadOnlyList<PublishedEvent> events)
    {
        var arguments = new RedisValue[3 + (4 * events.Count)];
        arguments[0] = LiveKeys.Channel(streamId);
        arguments[1] = channels.PublishCommand;
        arguments[2] = SecondsToLive;
        for (var i = 0; i < events.Count; i++)
        {
            var (streamEvent, happenedAt) = events[i];
            arguments[3 + (4 * i)] = streamEvent.Encode();
            arguments[4 + (4 * i)] = streamEvent.Version;
            arguments[5 + (4 * i)] = happenedAt.ToUnixTimeMilliseconds();
            arguments[6 + (4 * i)] = streamEvent.EventName;
        }

        return redis.GetDatabase().ScriptEvaluateAsync(LiveScripts.PublishEvents, [LiveKeys.Stream(streamId)], arguments);
    }

    /// <summary>
    /// The broadcaster is lost, and the sign of life that comes next ends it, even before the event of the loss is on the channel. Nobody waits long for
    /// this: the event says it as well.
    /// </summary>
    public async Task MarkLostAsync(Guid streamId, TimeSpan patience)
    {
        if (probe.IsAnswering)
        {
            Task marking = redis.GetDatabase().HashSetAsync(LiveKeys.Stream(streamId), "lost", 1, When.NotExists).WaitAsync(patience, time);
            await marking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    internal sealed class Announcement(EventPublisher publisher, Guid streamId, bool isPossible) : IDisposable
    {
        private readonly Task _sent = isPossible ? publisher.SendAsync(streamId, 1, CommandFlags.None) : Task.CompletedTask;
        private bool _isComplete;

        /// <summary>Waits until Redis has it, and not long: where Redis is slow, counts hardly pass either.</summary>
        public async Task WaitAsync(TimeSpan patience, CancellationToken cancellationToken)
        {
            await _sent.WaitAsync(patience, publisher.Time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
        }

        /// <summary>The change is committed; its event unregisters it.</summary>
        public void Complete() => _isComplete = true;

        public void Dispose()
        {
            if (isPossible && !_isComplete)
            {
                _ = publisher.SendAsync(streamId, -1, CommandFlags.FireAndForget);
            }
        }
    }

    private TimeProvider Time => time;

    private Task SendAsync(Guid streamId, int change, CommandFlags flags) =>
        redis.GetDatabase().ScriptEvaluateAsync(
            LiveScripts.AnnounceChange, [LiveKeys.Stream(streamId)], [change.ToString(CultureInfo.InvariantCulture), SecondsToLive], flags);
}
