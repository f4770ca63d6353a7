using System.Diagnostics;
using System.Diagnostics.Metrics;
using Nova.Protocol;

namespace Nova.Gateway;

/// <summary>Instruments and activity source of this service. No stream or viewer ids as labels.</summary>
internal sealed class GatewayMetrics
{
    public const string Name = "Nova.Gateway";

    public static readonly ActivitySource Activities = new(Name);

    private readonly UpDownCounter<long> _connections;
    private readonly UpDownCounter<long> _rooms;
    private readonly Counter<long> _refusals;
    private readonly Counter<long> _closes;
    private readonly Counter<long> _frames;
    private readonly Counter<long> _bytes;
    private readonly Counter<long> _conflated;
    private readonly Counter<long> _dropped;
    private readonly Counter<long> _feedIgnored;
    private readonly Counter<long> _resyncs;
    private readonly Counter<long> _pingTimeouts;
    private readonly Counter<long> _rateLimited;
    private readonly Counter<long> _issues;
    private readonly Histogram<double> _publishToWrite;
    private readonly Histogram<double> _pingRoundTrip;
    private long _drainRemaining;

    public GatewayMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(Name);
        _connections = meter.CreateUpDownCounter<long>("nova.gateway.connections", "{connection}", "Open viewer sockets.");
        _rooms = meter.CreateUpDownCounter<long>("nova.gateway.rooms", "{stream}", "Streams this gateway is subscribed to.");
        _refusals = meter.CreateCounter<long>("nova.gateway.refusals", "{refusal}", "Upgrades refused, by HTTP status.");
        _closes = meter.CreateCounter<long>("nova.gateway.closes", "{close}", "Viewer sockets closed, by code and cause; 1006 is gone without a close frame.");
        _frames = meter.CreateCounter<long>("nova.gateway.frames", "{frame}", "Frames written to viewers.");
        _bytes = meter.CreateCounter<long>("nova.gateway.bytes", "By", "Bytes written to viewers.");
        _conflated = meter.CreateCounter<long>("nova.gateway.backlog.conflated", "{frame}", "Pending messages that a newer one of their kind replaced.");
        _dropped = meter.CreateCounter<long>("nova.gateway.backlog.dropped", "{frame}", "Pending messages dropped from full backlogs.");
        _feedIgnored = meter.CreateCounter<long>("nova.gateway.feed.ignored", "{event}", "Channel messages not forwarded: repeats, garbage, overflow.");
        _resyncs = meter.CreateCounter<long>("nova.gateway.feed.resyncs", "{resync}", "Snapshots read again, by cause.");
        _pingTimeouts = meter.CreateCounter<long>("nova.gateway.ping_timeouts", "{ping}", "Pings unanswered for 10 s.");
        _rateLimited = meter.CreateCounter<long>("nova.gateway.rate_limited", "{message}", "Viewers' messages dropped unread because they sent too many.");
        _issues = meter.CreateCounter<long>("nova.gateway.issues", "{report}", "Issue reports, by what became of them.");
        _publishToWrite = meter.CreateHistogram<double>("nova.gateway.publish_to_write", "s", "From an event's publishing to its last viewer's write.");
        _pingRoundTrip = meter.CreateHistogram<double>("nova.gateway.ping_round_trip", "s", "From a ping to the pong with its sequence.");
        meter.CreateObservableGauge("nova.gateway.drain.remaining", () => Volatile.Read(ref _drainRemaining), "{connection}", "Viewers a gateway that stops has not closed yet.");
    }

    public void DrainRemaining(int viewers) => Volatile.Write(ref _drainRemaining, viewers);

    public void ConnectionOpened() => _connections.Add(1);

    public void ConnectionClosed(int closeCode, CloseCause cause)
    {
        _connections.Add(-1);
        _closes.Add(1, new("code", closeCode), new("cause", cause.Label()));
    }

    public void RoomOpened() => _rooms.Add(1);

    public void RoomClosed() => _rooms.Add(-1);

    public void Refused(int status) => _refusals.Add(1, new KeyValuePair<string, object?>("status", status));

    /// <summary>Frames handed to sockets: reported per pass over a room, since an instrument's call costs as much as a twentieth of a write.</summary>
    public void Written(long frames, long bytes)
    {
        _frames.Add(frames);
        _bytes.Add(bytes);
    }

    public void Conflated() => _conflated.Add(1);

    public void Dropped() => _dropped.Add(1);

    public void FeedIgnored(FeedIgnored reason) => _feedIgnored.Add(1, new KeyValuePair<string, object?>("reason", reason.Label()));

    public void Resync(ResyncCause cause) => _resyncs.Add(1, new KeyValuePair<string, object?>("cause", cause.Label()));

    public void PingTimeout() => _pingTimeouts.Add(1);

    public void RateLimited() => _rateLimited.Add(1);

    public void PingRoundTrip(TimeSpan time) => _pingRoundTrip.Record(time.TotalSeconds);

    public void FannedOut(string eventName, TimeSpan sincePublished) =>
        _publishToWrite.Record(Math.Max(0, sincePublished.TotalSeconds), new KeyValuePair<string, object?>("event", eventName));

    public void Issues(IssueResult result, int count = 1) => _issues.Add(count, new KeyValuePair<string, object?>("result", result.Label()));
}
