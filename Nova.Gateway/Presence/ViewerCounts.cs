using Microsoft.Extensions.Options;
using Nova.Gateway.Feed;
using Nova.Protocol;
using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Redis;
using StackExchange.Redis;

namespace Nova.Gateway.Presence;

/// <summary>
/// Keeps this gateway's part of every stream's viewer count in Redis: joins and leaves are reported in batches, and every few seconds
/// again, so that the lease holds. The script that takes a report sums all gateways and publishes the total.
/// </summary>
internal sealed class ViewerCounts(
    IConnectionMultiplexer redis, FeedSupervisor supervisor, IOptions<GatewayOptions> options, LoopGuards guards, TimeProvider time,
    ILogger<ViewerCounts> logger) : BackgroundService
{
    private static readonly string Script = ReadScript();

    /// <summary>As StreamState's: longer than any broadcast is silent.</summary>
    private static readonly long LiveHashSeconds = (long)TimeSpan.FromHours(24).TotalSeconds;

    /// <summary>A count must not seem older than the greeting of the viewer it counts, and timers are a few ms early or late.</summary>
    private static readonly TimeSpan TimerError = TimeSpan.FromMilliseconds(10);

    /// <summary>What the channel did not bring within this time after Redis had it is lost.</summary>
    private static readonly TimeSpan DeliveryTime = TimeSpan.FromSeconds(1);

    /// <summary>Reports sent together after an outage; at one such burst every 20 ms, 10,000 streams take a second.</summary>
    private const int Burst = 200;

    private readonly string _gatewayId = Guid.CreateVersion7().ToString("N");
    private readonly GatewayOptions _options = options.Value;
    private readonly LoopGuard _guard = guards["viewer counts"];
    private readonly Lock _lock = new();
    private readonly Dictionary<StreamFeed, Report> _reports = [];
    private readonly LogThrottle _warnings = new(time);

    /// <summary>A viewer came or went: the count is reported within <see cref="GatewayOptions.CountInterval"/>.</summary>
    public void Changed(StreamFeed feed)
    {
        lock (_lock)
        {
            if (!_reports.TryGetValue(feed, out var report))
            {
                report = new Report();
                _reports.Add(feed, report);
            }

            report.IsDue = true;
            if (!report.IsRunning)
            {
                report.IsRunning = true;
                _guard.Start(() => ReportAfterIntervalAsync(feed, report));
            }
        }
    }

    /// <summary>
    /// Reports every stream at once and waits for it: when the viewers of a gateway that stops have gone, their count goes with them, and not a
    /// lease later.
    /// </summary>
    public async Task ReleaseAsync(TimeSpan patience)
    {
        using var deadline = new CancellationTokenSource(patience, time);
        foreach (var burst in Snapshot().Chunk(Burst))
        {
            await Task.WhenAll(burst.Select(pair => ReportUntilToldAsync(pair.Key, pair.Value, deadline.Token))).WaitAsync(deadline.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        supervisor.Restored += OnRestored;
        try
        {
            await _guard.RunEveryAsync(_options.PresenceLease / 30, _ => RenewAsync(), stoppingToken);
        }
        finally
        {
            supervisor.Restored -= OnRestored;
        }
    }

    private Task RenewAsync()
    {
        foreach (var (feed, report) in Snapshot())
        {
            if (time.GetElapsedTime(report.ReportedAt) > report.RenewAfter)
            {
                Changed(feed);
            }
        }

        return Task.CompletedTask;
    }

    /// <summary>Redis may have forgotten every stream.</summary>
    private void OnRestored() => _guard.Start(async () =>
    {
        foreach (var burst in Snapshot().Chunk(Burst))
        {
            foreach (var (feed, _) in burst)
            {
                Changed(feed);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), time);
        }
    });

    private KeyValuePair<StreamFeed, Report>[] Snapshot()
    {
        lock (_lock)
        {
            return [.. _reports];
        }
    }

    private async Task ReportAfterIntervalAsync(StreamFeed feed, Report report)
    {
        var pause = _options.CountInterval;
        while (true)
        {
            await Task.Delay(pause, time);
            lock (_lock)
            {
                report.IsDue = false;
            }

            var again = await ReportAsync(feed, report);
            pause = again > TimeSpan.Zero ? again : _options.CountInterval;
            lock (_lock)
            {
                if (!report.IsDue && again == TimeSpan.Zero)
                {
                    report.IsRunning = false;
                    if (feed.Room.LocalViewers == 0)
                    {
                        _reports.Remove(feed);
                    }

                    return;
                }
            }
        }
    }

    private async Task ReportUntilToldAsync(StreamFeed feed, Report report, CancellationToken cancellationToken)
    {
        while (await ReportAsync(feed, report) is var again && again > TimeSpan.Zero)
        {
            await Task.Delay(again, time, cancellationToken);
        }
    }

    /// <summary>Whatever fails, the next report makes up for it; nothing thrown here may end the stream's loop.</summary>
    /// <returns>When to report again, since the stream's last count is too recent for the next one; zero where nothing is due.</returns>
    private async Task<TimeSpan> ReportAsync(StreamFeed feed, Report report)
    {
        report.ReportedAt = time.GetTimestamp();
        report.RenewAfter = _options.PresenceLease / 3 * (0.85 + (0.15 * Random.Shared.NextDouble())); // Three chances within a lease, and not all streams at once.
        try
        {
            return await TryReportAsync(feed, report);
        }
        catch (ObjectDisposedException)
        {
            // This gateway stops; the others count its viewers out when its lease ends.
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            if (_warnings.TryTake(out _))
            {
                logger.CountsDelayed(RedisFailure.ReasonOf(exception));
            }
        }
        catch (Exception exception)
        {
            _guard.Report(exception);
        }

        return TimeSpan.Zero;
    }

    private async Task<TimeSpan> TryReportAsync(StreamFeed feed, Report report)
    {
        var room = feed.Room;
        var (viewers, known) = (room.LocalViewers, room.Count);
        var answer = (long[])(await redis.GetDatabase().ScriptEvaluateAsync(
            Script,
            [StreamKeys.Live(room.StreamId)],
            [
                _gatewayId, viewers, (long)_options.PresenceLease.TotalMilliseconds, StreamKeys.Channel(room.StreamId), known.Total, known.Peak,
                LiveHashSeconds, (long)(_options.CountInterval - TimerError).TotalMilliseconds, (long)_options.CountInterval.TotalMilliseconds,
            ]))!;
        if (answer[5] > 0)
        {
            return TimeSpan.FromMilliseconds(answer[5]);
        }

        var count = new ViewerCountEvent((int)answer[0], (int)answer[1], 0, DateTimeOffset.FromUnixTimeMilliseconds(answer[2]));
        var uncounted = room.OnReported(viewers, count, published: answer[4] == 1);
        if (uncounted.Count > 0)
        {
            await feed.SendAsync(count, uncounted);
        }

        await CheckEventsDeliveredAsync(feed, report, newest: answer[3]);
        await CheckCountDeliveredAsync(feed, report, count);
        return TimeSpan.Zero;
    }

    /// <summary>
    /// Redis has a version that this room does not know. It may just be on its way; a second later it is lost, be it one message or a subscription
    /// that went deaf.
    /// </summary>
    private async Task CheckEventsDeliveredAsync(StreamFeed feed, Report report, long newest)
    {
        if (newest <= feed.Room.Version || feed.Room.Status == StreamStatus.Ended)
        {
            report.Missing = 0;
        }
        else if (report.Missing == 0)
        {
            (report.Missing, report.MissingSince) = (newest, time.GetTimestamp());
        }
        else if (report.Missing > feed.Room.Version && time.GetElapsedTime(report.MissingSince) > DeliveryTime)
        {
            var missing = report.Missing;
            report.Missing = 0;
            await feed.OnMissedAsync(missing);
        }
    }

    /// <summary>
    /// The same for a count: where the channel did not bring it within a second, the answer does. A count broadcast meanwhile, whatever it said,
    /// shows that the channel works; this one is then on its way.
    /// </summary>
    private async Task CheckCountDeliveredAsync(StreamFeed feed, Report report, ViewerCountEvent count)
    {
        var (announced, times) = feed.Room.LastAnnounced;
        if (announced is null || announced == count.Total || feed.Room.Status == StreamStatus.Ended)
        {
            report.UnannouncedSince = 0;
        }
        else if (report.UnannouncedSince == 0 || report.AnnouncedThen != times)
        {
            (report.UnannouncedSince, report.AnnouncedThen) = (time.GetTimestamp(), times);
        }
        else if (time.GetElapsedTime(report.UnannouncedSince) > DeliveryTime)
        {
            report.UnannouncedSince = 0;
            await feed.OnMissedAsync(count);
        }
    }

    private static string ReadScript()
    {
        using var stream = typeof(ViewerCounts).Assembly.GetManifestResourceStream("presence.lua")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private sealed class Report
    {
        public bool IsDue { get; set; }

        public bool IsRunning { get; set; }

        public long ReportedAt { get; set; }

        /// <summary>The lease is renewed this long after the last report.</summary>
        public TimeSpan RenewAfter { get; set; } = TimeSpan.MaxValue;

        /// <summary>A version seen in Redis and not by the room; 0 for none.</summary>
        public long Missing { get; set; }

        public long MissingSince { get; set; }

        /// <summary>Since when a total in Redis is not the one that was broadcast; 0 for never.</summary>
        public long UnannouncedSince { get; set; }

        /// <summary>How many counts had been broadcast then.</summary>
        public long AnnouncedThen { get; set; }
    }
}
