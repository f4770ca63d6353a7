using Microsoft.Extensions.Options;
using Nova.ServiceDefaults.Background;
using Nova.ServiceDefaults.Postgres;
using Nova.Telemetry.Timeline;

namespace Nova.Telemetry.Quality;

/// <summary>
/// Judges the newest changes of streams whose viewers report, raises an alert for one that hurts, and clears it when the reports are as few as before. One
/// replica at a time.
/// </summary>
internal sealed class QualityWatch(
    TimelineStore timeline, ReportMarks reports, AlertStore alerts, SchemaMigration schema, Leases leases, LoopGuards guards, IOptions<TelemetryOptions> options,
    TelemetryMetrics metrics, TimeProvider time, ILogger<QualityWatch> logger) : BackgroundService
{
    /// <summary>
    /// A change is looked at in up to 12 rounds while its window grows, so each look must be stricter than the one of an answer that is asked for: with 0.01
    /// no more than 5 % of streams on which nothing happens get an alert (ChangeJudgeTests counts).
    /// </summary>
    private const double Level = 0.01;

    /// <summary>Fewer than so many viewers are no finding, whatever the arithmetic says.</summary>
    private const int MinViewers = 5;

    /// <summary>How long an alert's reports must have been few before it is cleared: a stream at the edge does not flap.</summary>
    private static readonly TimeSpan CalmTime = TimeSpan.FromSeconds(30);

    /// <summary>Reports take a moment to be stored, and a round may be late.</summary>
    private static readonly TimeSpan Overlap = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Lookback = 2 * ChangeJudge.MaxWindow;

    private readonly Leases.Lease _lease = leases.For("quality watch");

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await schema.Applied.WaitAsync(stoppingToken);
        await guards["quality watch"].RunEveryAsync(options.Value.QualityInterval, LookAsync, stoppingToken);
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        if (!await _lease.TryHoldAsync(cancellationToken))
        {
            metrics.OpenAlerts([]); // The replica that has the lease tells.
            return;
        }

        var now = time.GetUtcNow();
        foreach (var streamId in await reports.FindReportedAsync(now - options.Value.QualityInterval - Overlap, cancellationToken))
        {
            await JudgeAsync(streamId, now, cancellationToken);
        }

        foreach (var open in await alerts.ReadOpenAsync(cancellationToken))
        {
            await CheckAsync(open, now, cancellationToken);
        }

        metrics.OpenAlerts((await alerts.ReadOpenAsync(cancellationToken)).Select(open => open.Alert.IssueType));
    }

    private async Task JudgeAsync(Guid streamId, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var history = new StreamHistory(await timeline.ReadAsync(streamId, now - Lookback, now, cancellationToken), now - Lookback, now);
        if (history.Changes.Count == 0)
        {
            return;
        }

        var marks = await reports.ReadAsync(streamId, now - Lookback, now, cancellationToken);
        foreach (var (judged, lift) in Findings(history, marks))
        {
            await RaiseAsync(streamId, judged, lift, now, cancellationToken);
        }
    }

    /// <summary>What is worth an alert at this moment, pure.</summary>
    internal static IEnumerable<(JudgedChange Change, Lift Lift)> Findings(StreamHistory history, IReadOnlyList<ReportMark> marks) =>
        from judged in ChangeJudge.Judge(history, marks, Level)
        from lift in judged.Lifts
        where lift.IsHarmful(Level) && lift.ViewersAfter >= MinViewers
        select (judged, lift);

    private async Task RaiseAsync(Guid streamId, JudgedChange judged, Lift lift, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var alert = new QualityAlert(
            Guid.CreateVersion7(now), streamId, judged.Change.At, judged.Change.Kind, lift.IssueType, judged.Summary, lift.Ratio, lift.Low, lift.High,
            lift.AdjustedPValue, lift.ViewersAfter, (int)Math.Round(judged.AudienceAfter), judged.WindowSeconds, lift.Per1000Before, lift.Per1000After, now,
            ClearedAt: null);
        if (await alerts.TryRaiseAsync(alert, cancellationToken))
        {
            logger.QualityDegraded(streamId, judged.Summary);
        }
    }

    /// <summary>
    /// Clears it once its reports have been few for a while: half way down to what they were, or further. They are counted over a window as long as the one
    /// it was judged by: the same viewers report again and again, so twice the time does not have twice the viewers.
    /// </summary>
    private async Task CheckAsync(OpenAlert open, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var alert = open.Alert;
        var window = TimeSpan.FromSeconds(alert.WindowSeconds);
        var audience = await timeline.ReadAudienceAsync(alert.StreamId, now - window, now, cancellationToken);
        var marks = await reports.ReadAsync(alert.StreamId, now - window, now, cancellationToken);
        var viewers = marks.Where(mark => mark.IssueType == alert.IssueType).Select(mark => mark.ViewerId).Distinct().Count();
        var watched = audience.ViewerSeconds(now - window, now);
        var rate = watched > 0 ? 1000 * viewers / watched * alert.WindowSeconds : 0;
        if (rate > (alert.RateBefore + alert.RateAfter) / 2)
        {
            if (open.CalmSince is not null)
            {
                await alerts.SetCalmAsync(alert.AlertId, since: null, cancellationToken);
            }
        }
        else if (open.CalmSince is not { } since)
        {
            await alerts.SetCalmAsync(alert.AlertId, now, cancellationToken);
        }
        else if (now - since >= CalmTime)
        {
            await alerts.ClearAsync(alert.AlertId, now, cancellationToken);
            logger.QualityRecovered(alert.StreamId, alert.Summary);
        }
    }
}
