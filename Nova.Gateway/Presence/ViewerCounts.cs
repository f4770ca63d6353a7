using Microsoft.Extensions.Options;
using Nova.Gateway.Feed;
using Nova.Protocol;
using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Redis;
using StackExchange.Redis;

namespace Nova.Gateway.Presence;

/// <summary>
/// Reports this gateway's viewers of every stream to Redis when their number has changed, in batches. A stream that nobody joins or leaves costs
/// nothing: that this gateway lives says its lease.
/// </summary>
internal sealed class ViewerCounts(
    PresenceScript script, GatewayLease lease, FeedSupervisor supervisor, RecountRequests recounts, ChangedCounts changedCounts, IOptions<GatewayOptions> options, LoopGuards guards,
    TimeProvider time, ILogger<ViewerCounts> logger) : IHostedService
{
    /// <summary>What the channel did not bring within this time after Redis had it is lost.</summary>
    private static readonly TimeSpan DeliveryTime = TimeSpan.FromSeconds(1);

    /// <summary>Redis did not take a report; it comes back within seconds or not for a while.</summary>
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    /// <summary>Streams that are reported together when all are; at one such burst every 20 ms, 10,000 streams take two seconds.</summary>
    private const int Burst = 100;

    private static readonly TimeSpan BurstPause = TimeSpan.FromMilliseconds(20);

    private readonly TimeSpan _interval = options.Value.CountInterval;
    private readonly LoopGuard _guard = guards["viewer counts"];
    private readonly Lock _lock = new();
    private readonly Dictionary<StreamFeed, Report> _reports = [];
    private readonly LogThrottle _warnings = new(time);

    /// <summary>A viewer came or went, or Redis is to be told again: it is within <see cref="GatewayOptions.CountInterval"/>.</summary>
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
                _guard.Start(() => ReportAsync(feed, report));
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
        foreach (var burst in Rooms().Chunk(Burst))
        {
            await Task.WhenAll(burst.Select(feed => ReportUntilPublishedAsync(feed, deadline.Token))).WaitAsync(deadline.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await Task.WhenAll(changedCounts.FlushAsync(), lease.ReleaseAsync()).WaitAsync(deadline.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        supervisor.Restored += ReportAll;
        recounts.Asked += Recount;
        lease.Forgotten += ReportAll;
        lease.Died += TakeOut;
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        supervisor.Restored -= ReportAll;
        recounts.Asked -= Recount;
        lease.Forgotten -= ReportAll;
        lease.Died -= TakeOut;
        return Task.CompletedTask;
    }

    /// <summary>Redis may have forgotten this gateway's lease with the stream: it is renewed first, as for new viewers.</summary>
    private void Recount(StreamFeed feed)
    {
        lock (_lock)
        {
            _reports.GetValueOrDefault(feed)?.Viewers = 0;
        }

        Changed(feed);
    }

    /// <summary>Redis may have forgotten every stream.</summary>
    private void ReportAll() => _guard.Start(() => ForEachRoomAsync(feed =>
    {
        Changed(feed);
        return Task.CompletedTask;
    }));

    /// <summary>Each gateway takes dead ones out of its own rooms. The first one to come does it, so they do not come all at once.</summary>
    private void TakeOut(string dead) => _guard.Start(async () =>
    {
        await Task.Delay(Random.Shared.Next(1000), CancellationToken.None);
        await ForEachRoomAsync(async feed =>
        {
            if (await script.TakeOutAsync(feed.Room, dead) > TimeSpan.Zero)
            {
                Changed(feed); // A count was due and came too early.
            }
        });
    });

    private async Task ForEachRoomAsync(Func<StreamFeed, Task> act)
    {
        foreach (var burst in Rooms().Chunk(Burst))
        {
            await Task.WhenAll(burst.Select(feed => TryAsync(feed, act)));
            await Task.Delay(BurstPause, time);
        }
    }

    /// <summary>One room that fails keeps nothing from the others.</summary>
    private async Task TryAsync(StreamFeed feed, Func<StreamFeed, Task> act)
    {
        try
        {
            await act(feed);
        }
        catch (Exception exception)
        {
            _guard.Report(exception);
        }
    }

    private StreamFeed[] Rooms()
    {
        lock (_lock)
        {
            return [.. _reports.Keys];
        }
    }

    private async Task ReportAsync(StreamFeed feed, Report report)
    {
        var pause = _interval;
        while (true)
        {
            await Task.Delay(pause, time);
            lock (_lock)
            {
                report.IsDue = false;
            }

            pause = await TryReportAsync(feed, report);
            lock (_lock)
            {
                if (!report.IsDue && pause == TimeSpan.Zero)
                {
                    report.IsRunning = false;
                    if (feed.Room.LocalViewers == 0)
                    {
                        _reports.Remove(feed);
                    }

                    return;
                }
            }

            pause = pause > TimeSpan.Zero ? pause : _interval;
        }
    }

    private async Task ReportUntilPublishedAsync(StreamFeed feed, CancellationToken cancellationToken)
    {
        while (await TryReportAsync(feed, new Report { IsVerifying = true }) is var again && again > TimeSpan.Zero)
        {
            await Task.Delay(again, time, cancellationToken);
        }
    }

    /// <summary>Nothing thrown here may end the stream's loop.</summary>
    /// <returns>When to report again, since a count is due that could not be published; zero where nothing is due.</returns>
    private async Task<TimeSpan> TryReportAsync(StreamFeed feed, Report report)
    {
        try
        {
            var room = feed.Room;
            var viewers = room.LocalViewers;

            // New viewers may be those of a gateway that died.
            var gateways = viewers > report.Viewers ? await lease.LookAsync() : lease.View;
            room.OnReporting(viewers);
            var answer = await script.ReportAsync(room, viewers, gateways);
            report.Viewers = viewers;
            if (answer.IsPublished)
            {
                changedCounts.Add(room.StreamId);
            }

            if (answer.Again > TimeSpan.Zero)
            {
                return answer.Again;
            }

            var uncounted = room.OnReported(viewers, answer.Count, answer.IsPublished);
            if (uncounted.Count > 0)
            {
                await feed.SendAsync(answer.Count, uncounted);
            }

            Verify(feed, report, answer);
            return TimeSpan.Zero;
        }
        catch (ObjectDisposedException)
        {
            return TimeSpan.Zero; // This gateway stops; the others take its viewers out when its lease ends.
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

        return RetryAfter;
    }

    /// <summary>
    /// What Redis has and this room does not know may just be on its way; a second later it is lost, be it one message or a subscription that went
    /// deaf.
    /// </summary>
    public void Verify(StreamFeed feed, PresenceAnswer answer)
    {
        lock (_lock)
        {
            if (_reports.TryGetValue(feed, out var report))
            {
                Verify(feed, report, answer);
            }
        }
    }

    private void Verify(StreamFeed feed, Report report, PresenceAnswer answer)
    {
        if (report.IsVerifying || IsDelivered(feed, answer))
        {
            return;
        }

        report.IsVerifying = true;
        var (announced, counts) = feed.Room.LastAnnounced;
        _guard.Start(async () =>
        {
            await Task.Delay(DeliveryTime, time);
            report.IsVerifying = false;
            if (feed.Room.Version < answer.Version)
            {
                await feed.OnMissedAsync(answer.Version);
            }
            else if (!IsDelivered(feed, answer) && feed.Room.LastAnnounced.Times == counts)
            {
                // No count was broadcast meanwhile, whatever it said. What Redis has now is what viewers lack.
                var newer = await script.ReportAsync(feed.Room, feed.Room.LocalViewers, lease.View);
                if (newer.Again == TimeSpan.Zero && !newer.IsPublished && feed.Room.LastAnnounced == (announced, counts) && announced != newer.Count.Total)
                {
                    await feed.OnMissedAsync(newer.Count);
                }
            }
        });
    }

    private static bool IsDelivered(StreamFeed feed, PresenceAnswer answer)
    {
        var room = feed.Room;
        return room.Status == StreamStatus.Ended
            || (answer.Version <= room.Version && (room.LastAnnounced.Total ?? (answer.IsPublished ? null : answer.Count.Total)) == answer.Count.Total);
    }

    private sealed class Report
    {
        public bool IsDue { get; set; }

        public bool IsRunning { get; set; }

        /// <summary>As Redis has them.</summary>
        public int Viewers { get; set; }

        public bool IsVerifying { get; set; }
    }
}
