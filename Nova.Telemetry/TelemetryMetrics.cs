using System.Diagnostics.Metrics;
using Nova.Protocol;

namespace Nova.Telemetry;

/// <summary>Instruments of this service. No stream or viewer ids as labels.</summary>
internal sealed class TelemetryMetrics
{
    public const string Name = "Nova.Telemetry";

    private readonly Counter<long> _reports;
    private readonly Histogram<int> _batchSize;

    public TelemetryMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(Name);
        _reports = meter.CreateCounter<long>("nova.telemetry.reports", "{report}", "Issue reports stored, by type and severity.");
        _batchSize = meter.CreateHistogram<int>("nova.telemetry.batch_size", "{report}", "Reports a gateway sent at once.");
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
}
