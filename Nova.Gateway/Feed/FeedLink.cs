using System.Net;
using StackExchange.Redis;

namespace Nova.Gateway.Feed;

/// <summary>One connection that events come on, and what is known of it: to the one Redis, or to a node of a cluster.</summary>
/// <param name="endpoint">Null for the one Redis.</param>
/// <param name="channel">This gateway's own on that node. What it publishes there it must hear.</param>
internal sealed class FeedLink(EndPoint? endpoint, string channel, EventChannels channels, TimeProvider time) : IDisposable
{
    private ChannelMessageQueue _messages = channels.Subscribe(channel);
    private long _heardAt = time.GetTimestamp();
    private long _brokenAt;
    private long? _lostAt;

    public EndPoint? Endpoint => endpoint;

    public string Channel => channel;

    public RedisChannel Probe => _messages.Channel;

    /// <summary>Viewers have been told.</summary>
    public bool IsLost { get; private set; }

    public bool IsBroken => Volatile.Read(ref _brokenAt) != 0;

    public TimeSpan Silence => time.GetElapsedTime(Volatile.Read(ref _heardAt));

    public void Listen(Action onHeardWhileBroken) => _messages.OnMessage(_ =>
    {
        Volatile.Write(ref _heardAt, time.GetTimestamp());
        if (IsBroken)
        {
            onHeardWhileBroken(); // The outage may be over; the next one must not find it open.
        }
    });

    public void Break() => Volatile.Write(ref _brokenAt, time.GetTimestamp());

    /// <summary>Takes it as whole if something was heard since it broke.</summary>
    public bool TryMend() =>
        Volatile.Read(ref _brokenAt) is not 0 and var brokenAt && Volatile.Read(ref _heardAt) > brokenAt
        && Interlocked.CompareExchange(ref _brokenAt, 0, brokenAt) == brokenAt;

    /// <returns>False where viewers know already, or were told so short a time ago that it is the same outage to them: the next look tells.</returns>
    public bool TryLose(TimeSpan betweenWarnings)
    {
        if (IsLost || (_lostAt is { } lostAt && time.GetElapsedTime(lostAt) < betweenWarnings))
        {
            return false;
        }

        (IsLost, _lostAt) = (true, time.GetTimestamp());
        return true;
    }

    public void Find() => IsLost = false;

    /// <summary>The connection is there and this channel is silent: Redis may never have heard of the subscription.</summary>
    public void SubscribeAnew(Action onHeardWhileBroken)
    {
        EventChannels.Unsubscribe(_messages);
        _messages = channels.Subscribe(channel);
        Listen(onHeardWhileBroken);
    }

    public void Dispose() => EventChannels.Unsubscribe(_messages);
}
