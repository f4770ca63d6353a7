using System.Collections.Frozen;
using Nova.Gateway.Feed;
using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Health;
using StackExchange.Redis;

namespace Nova.Gateway.Presence;

/// <summary>
/// Compares each room with Redis once a minute: a channel that went deaf alone, a report that was lost with a node's memory, viewers of a gateway that
/// nobody remembers. Everything else finds these sooner; this is the guarantee.
/// </summary>
internal sealed class RoomAudit(
    IConnectionMultiplexer redis, RedisProbe probe, RoomDirectory rooms, ViewerCounts counts, PresenceScript script, GatewayLease lease, LoopGuards guards)
    : BackgroundService
{
    private const int Minute = 60;

    /// <summary>Streams read together; with 10,000 rooms 167 a second are due.</summary>
    private const int Burst = 100;

    private int _second;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        guards["room audit"].RunEveryAsync(TimeSpan.FromSeconds(1), _ => AuditAsync(), stoppingToken);

    private async Task AuditAsync()
    {
        _second = (_second + 1) % Minute;
        if (!probe.IsAnswering)
        {
            return;
        }

        var due = rooms.Feeds.Where(feed => IsDue(feed.Room.StreamId) && feed.Room.Status != StreamStatus.Ended);
        foreach (var burst in due.Chunk(Burst))
        {
            var hashes = await Task.WhenAll(burst.Select(feed => redis.GetDatabase().HashGetAllAsync(LiveKeys.Stream(feed.Room.StreamId))));
            foreach (var (feed, hash) in burst.Zip(hashes))
            {
                await CompareAsync(feed, hash.ToFrozenDictionary(field => (string)field.Name!, field => field.Value));
            }
        }
    }

    /// <summary>By the random end of the id: so many streams each second, and each gateway at the same one.</summary>
    private bool IsDue(Guid streamId)
    {
        Span<byte> bytes = stackalloc byte[16];
        streamId.TryWriteBytes(bytes, bigEndian: true, out _);
        return ((bytes[14] << 8) + bytes[15]) % Minute == _second;
    }

    private async Task CompareAsync(StreamFeed feed, FrozenDictionary<string, RedisValue> hash)
    {
        var room = feed.Room;
        var view = lease.View;
        var unknown = LiveKeys.GatewaysOf(hash.Keys).Where(id => id != lease.Id && !view.Live.Contains(id)).ToList();
        var own = hash.TryGetValue(LiveKeys.ViewersOf(lease.Id), out var value) && value.TryParse(out int viewers) ? viewers : 0;
        if ((own != room.LocalViewers || unknown.Count > 0) && view.Live.Contains(lease.Id))
        {
            var answer = await script.ReportAsync(room, room.LocalViewers, view with { Dead = string.Join(' ', unknown) });
            if (answer.Again > TimeSpan.Zero)
            {
                counts.Changed(feed);
            }

            return;
        }

        if (hash.TryGetValue("total", out var total) && hash.TryGetValue("peak", out var peak))
        {
            var count = new ViewerCountEvent((int)total, (int)peak, 0, DateTimeOffset.FromUnixTimeMilliseconds((long)hash.GetValueOrDefault("event_at")));
            counts.Verify(feed, new PresenceAnswer(count, (long)hash.GetValueOrDefault("version"), IsPublished: false, TimeSpan.Zero));
        }
    }
}
