using System.Diagnostics.Metrics;
using Nova.Protocol;

namespace Nova.Telemetry;

/// <summary>Instruments of this service. No stream or viewer ids as labels.</summary>
internal sealed class TelemetryMetrics
{
    public const string Name = "Nova.Telemetry";

    private readonly Counter<long> _reports;
    private readonly Counter<long> _setAside;
    private readonly Counter<long> _deleted;
    private readonly Counter<long> _daysDropped;
    private readonly Histogram<int> _batchSize;
    private readonly TimeProvider _time;
    private IReadOnlyDictionary<IssueType, int> _openAlerts = new Dictionary<IssueType, int>();
    private long _followedAt;

    public TelemetryMetrics(IMeterFactory meters, TimeProvider time)
    {
        _time = time;
        var meter = meters.Create(Name);
        _reports = meter.CreateCounter<long>("nova.telemetry.reports", "{report}", "Issue reports stored, by type and severity.");
        _setAside = meter.CreateCounter<long>("nova.telemetry.reports_set_aside", "{report}", "Issue reports that the database refused; they are in rejected_issues.");
        _batchSize = meter.CreateHistogram<int>("nova.telemetry.batch_size", "{report}", "Reports a gateway sent at once.");
        _deleted = meter.CreateCounter<long>("nova.telemetry.deleted", "{row}", "Rows that were past their time, by what they are.");
        _daysDropped = meter.CreateCounter<long>("nova.telemetry.days_dropped", "{table}", "Days of reports and timelines that were past their time.");
        meter.CreateObservableGauge("nova.quality.degraded", MeasureAlerts, "{alert}", "Changes of streams that hurt their viewers now, by type of issue.");
        meter.CreateObservableGauge("nova.telemetry.timeline_age", MeasureTimeline, "s", "Since StreamState was last asked what happened, by the replica that asks.");
    }

    public void BatchStored(IReadOnlyList<IssueReport> reports)
    {
        _batchSize.Record(reports.Count);
        foreach (var report in reports)
        {
            _reports.Add(
                1,
                new("issue_type", WireNames<IssueType>.Of(report.IssueType)),
                new("severity", WireNames<IssueSeverity>.Of(report.Severity)));
        }
    }

    public void ReportSetAside() => _setAside.Add(1);

    public void Deleted(string what, int rows) => _deleted.Add(rows, new KeyValuePair<string, object?>("what", what));

    public void DayDropped() => _daysDropped.Add(1);

    public void OpenAlerts(IEnumerable<IssueType> types) => _openAlerts = types.CountBy(type => type).ToDictionary();

    public void TimelineFollowed() => Volatile.Write(ref _followedAt, _time.GetTimestamp());

    private IEnumerable<Measurement<int>> MeasureAlerts() =>
        _openAlerts.Select(open => new Measurement<int>(open.Value, new KeyValuePair<string, object?>("issue_type", WireNames<IssueType>.Of(open.Key))));

    private IEnumerable<Measurement<double>> MeasureTimeline() =>
        Volatile.Read(ref _followedAt) is not 0 and var followedAt ? [new(_time.GetElapsedTime(followedAt).TotalSeconds)] : [];
}
