using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Nova.StreamState;

/// <summary>Instruments and activity source of this service. No stream ids as labels.</summary>
internal sealed class StreamStateMetrics
{
    public const string Name = "Nova.StreamState";

    public static readonly ActivitySource Activities = new(Name);

    private readonly Counter<long> _transitions;
    private readonly Counter<long> _bitrateSamples;
    private readonly Counter<long> _deletedRows;
    private readonly Histogram<double> _outboxDelay;
    private long _outboxDepth;
    private double _outboxAge;

    public StreamStateMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(Name);
        _transitions = meter.CreateCounter<long>("nova.stream_state.transitions", "{transition}", "Changes of streams, by the event they sent.");
        _bitrateSamples = meter.CreateCounter<long>("nova.stream_state.bitrate_samples", "{sample}", "Bitrate measurements received.");
        _deletedRows = meter.CreateCounter<long>("nova.stream_state.deleted", "{row}", "Rows deleted after their time, by table.");
        _outboxDelay = meter.CreateHistogram<double>("nova.stream_state.outbox.delay", "s", "From a change to its event being in Redis.");
        meter.CreateObservableGauge("nova.stream_state.outbox.depth", () => Volatile.Read(ref _outboxDepth), "{event}", "Events that wait for Redis.");
        meter.CreateObservableGauge("nova.stream_state.outbox.age", () => Volatile.Read(ref _outboxAge), "s", "How long the oldest event has waited for Redis.");
    }

    public void OutboxAge(TimeSpan age) => Volatile.Write(ref _outboxAge, age.TotalSeconds);

    public void Transition(string eventName) => _transitions.Add(1, new KeyValuePair<string, object?>("event", eventName));

    public void Deleted(string table, int rows) => _deletedRows.Add(rows, new KeyValuePair<string, object?>("table", table));

    public void BitrateSample() => _bitrateSamples.Add(1);

    public void EventPublished(string eventName, TimeSpan delay) =>
        _outboxDelay.Record(Math.Max(0, delay.TotalSeconds), new KeyValuePair<string, object?>("event", eventName));

    public void OutboxDepth(long depth) => Volatile.Write(ref _outboxDepth, depth);
}
