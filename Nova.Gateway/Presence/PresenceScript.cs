using Microsoft.Extensions.Options;
using Nova.Gateway.Fanout;
using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.ServiceDefaults.Redis;
using StackExchange.Redis;

namespace Nova.Gateway.Presence;

/// <summary>What a report of viewers was answered.</summary>
/// <param name="Version">The newest one on the stream's channel.</param>
/// <param name="Again">When to report again, since a count is due that could not be published; else zero.</param>
internal sealed record PresenceAnswer(ViewerCountEvent Count, long Version, bool IsPublished, TimeSpan Again);

/// <summary>Calls the script that keeps a stream's presence.</summary>
internal sealed class PresenceScript(IConnectionMultiplexer redis, RedisChannels channels, GatewayLease lease, IOptions<GatewayOptions> options)
{
    /// <summary>A count must not seem older than the greeting of the viewer it counts, and timers are a few ms early or late.</summary>
    private static readonly TimeSpan TimerError = TimeSpan.FromMilliseconds(10);

    public async Task<PresenceAnswer> ReportAsync(StreamRoom room, int viewers, GatewaysView gateways)
    {
        var answer = await CallAsync(room, viewers, gateways.Dead, gateways.Doubted);
        var count = new ViewerCountEvent((int)answer[0], (int)answer[1], 0, DateTimeOffset.FromUnixTimeMilliseconds(answer[2]));
        return new PresenceAnswer(count, answer[3], answer[4] == 1, TimeSpan.FromMilliseconds(answer[5]));
    }

    /// <summary>Takes dead gateways out of a stream's count.</summary>
    /// <returns>When to report, since the new count could not be published; else zero.</returns>
    public async Task<TimeSpan> TakeOutAsync(StreamRoom room, string dead)
    {
        var answer = await CallAsync(room, RedisValue.EmptyString, dead, lease.View.Doubted);
        return answer.Length == 0 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(answer[5]);
    }

    private async Task<long[]> CallAsync(StreamRoom room, RedisValue viewers, string dead, string doubted)
    {
        var (interval, known) = (options.Value.CountInterval, room.Count);
        return (long[])(await redis.GetDatabase().ScriptEvaluateAsync(
            LiveScripts.ReportViewers,
            [LiveKeys.Stream(room.StreamId)],
            [
                LiveKeys.Channel(room.StreamId), channels.PublishCommand, lease.Id, viewers, dead, doubted, known.Total, known.Peak,
                (long)(interval - TimerError).TotalMilliseconds, (long)interval.TotalMilliseconds, (long)options.Value.PresenceLease.TotalMilliseconds,
                (long)LiveKeys.TimeToLive.TotalSeconds,
            ]))!;
    }
}
