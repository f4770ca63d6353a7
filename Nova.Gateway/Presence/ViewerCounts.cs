using Microsoft.Extensions.Options;
using Nova.Gateway.Fanout;
using Nova.Gateway.Feed;
using Nova.Protocol;
using StackExchange.Redis;

namespace Nova.Gateway.Presence;

/// <summary>
/// Keeps this gateway's part of every stream's viewer count in Redis: joins and leaves are reported in batches, and every few seconds
/// again, so that the lease holds. The script that takes a report sums all gateways and publishes the total.
/// </summary>
internal sealed class ViewerCounts : BackgroundService
{
    private static readonly string Script = ReadScript();

    /// <summary>As StreamState's: longer than any broadcast is silent.</summary>
    private static readonly long LiveHashSeconds = (long)TimeSpan.FromHours(24).TotalSeconds;

    /// <summary>A count must not seem older than the greeting of the viewer it counts, and timers are a few ms early or late.</summary>
    private static readonly TimeSpan TimerError = TimeSpan.FromMilliseconds(10);

    private readonly string _gatewayId = Guid.CreateVersion7().ToString("N");
    private readonly IConnectionMultiplexer _redis;
    private readonly EventChannels _channels;
    private readonly GatewayOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<ViewerCounts> _logger;
    private readonly Lock _lock = new();
    private readonly Dictionary<StreamFeed, Report> _reports = [];
    private long _warnedAt;

    public ViewerCounts(
        IConnectionMultiplexer redis, EventChannels channels, IOptions<GatewayOptions> options, TimeProvider time, ILogger<ViewerCounts> logger)
    {
        _redis = redis;
        _channels = channels;
        _options = options.Value;
        _time = time;
        _logger = logger;
    }

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
                _ = ReportAfterIntervalAsync(feed, report);
            }
        }
    }

    /// <summary>Reports every stream again: Redis may have forgotten.</summary>
    public void ReportAll()
    {
        List<StreamFeed> feeds;
        lock (_lock)
        {
            feeds = [.. _reports.Keys];
        }

        feeds.ForEach(Changed);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Three chances within a lease, so that one lost report costs no count.
        using var timer = new PeriodicTimer(_options.PresenceLease / 3, _time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            ReportAll();
        }
    }

    private async Task ReportAfterIntervalAsync(StreamFeed feed, Report report)
    {
        while (true)
        {
            await Task.Delay(_options.CountInterval, _time);
            lock (_lock)
            {
                report.IsDue = false;
            }

            await ReportAsync(feed, report);
            lock (_lock)
            {
                if (!report.IsDue)
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

    private async Task ReportAsync(StreamFeed feed, Report report)
    {
        var room = feed.Room;
        var (viewers, known) = (room.LocalViewers, room.Count);
        try
        {
            var answer = (long[])(await _redis.GetDatabase().ScriptEvaluateAsync(
                Script,
                [StreamKeys.Live(room.StreamId)],
                [
                    _gatewayId, viewers, (long)_options.PresenceLease.TotalMilliseconds, StreamKeys.Channel(room.StreamId), known.Total, known.Peak,
                    LiveHashSeconds, (long)(_options.CountInterval - TimerError).TotalMilliseconds,
                ]))!;
            var count = new ViewerCountEvent((int)answer[0], (int)answer[1], 0, DateTimeOffset.FromUnixTimeMilliseconds(answer[2]));
            var uncounted = room.TakeUncounted(viewers, count, published: answer[4] == 1);
            if (uncounted.Count > 0)
            {
                feed.TellCount(count, uncounted);
            }

            CheckForMissed(feed, report, newest: answer[3]);
            CheckForUntold(feed, report, count);
            if (!feed.IsSubscribed)
            {
                await feed.RestoreAsync(_channels); // Redis was slow or away when the first viewer came.
            }
        }
        catch (ObjectDisposedException)
        {
            // This gateway stops; the others count its viewers out when its lease ends.
        }
        catch (Exception exception)
        {
            // Whatever it was, the next report makes up for it; one that ended the loop would freeze this stream's count.
            if (_time.GetElapsedTime(Volatile.Read(ref _warnedAt)) > TimeSpan.FromSeconds(5))
            {
                Volatile.Write(ref _warnedAt, _time.GetTimestamp());
                _logger.CountsDelayed(exception.Message);
            }
        }
    }

    /// <summary>
    /// The channel had a version that this room does not know. It may just be on its way; a second later it is lost, be it one message or
    /// a subscription that went deaf.
    /// </summary>
    private void CheckForMissed(StreamFeed feed, Report report, long newest)
    {
        if (newest <= feed.Room.Version || feed.Room.Status == StreamStatus.Ended)
        {
            report.Missing = 0;
        }
        else if (report.Missing == 0)
        {
            (report.Missing, report.MissingSince) = (newest, _time.GetTimestamp());
        }
        else if (report.Missing > feed.Room.Version && _time.GetElapsedTime(report.MissingSince) > TimeSpan.FromSeconds(1))
        {
            feed.Resync("missed", report.Missing);
            report.Missing = 0;
        }
    }

    /// <summary>
    /// The same for a count: where the channel did not bring it within a second, the answer does. A count told meanwhile, whatever it said,
    /// shows that the channel works; this one is then on its way.
    /// </summary>
    private void CheckForUntold(StreamFeed feed, Report report, ViewerCountEvent count)
    {
        var (told, times) = feed.Room.Told;
        if (told is null || told == count.Total)
        {
            report.UntoldSince = 0;
        }
        else if (report.UntoldSince == 0 || report.UntoldAt != times)
        {
            (report.UntoldSince, report.UntoldAt) = (_time.GetTimestamp(), times);
        }
        else if (_time.GetElapsedTime(report.UntoldSince) > TimeSpan.FromSeconds(1))
        {
            feed.TellCount(count);
            report.UntoldSince = 0;
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

        /// <summary>A version seen in Redis and not by the room; 0 for none.</summary>
        public long Missing { get; set; }

        public long MissingSince { get; set; }

        /// <summary>Since when a total in Redis is not the one viewers were told; 0 for never.</summary>
        public long UntoldSince { get; set; }

        /// <summary>How many counts viewers had been told then.</summary>
        public long UntoldAt { get; set; }
    }
}
