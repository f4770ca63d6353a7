using Nova.LoadTest.Measuring;
using Nova.LoadTest.Systems.Nova;
using Nova.LoadTest.Workloads;

namespace Nova.LoadTest.Planning;

/// <summary>
/// Measures the unit costs in four runs of Nova. Each cost is a difference of two windows, divided by what was different. The rates are those of a
/// quiet day; where messages share writes and wake-ups on a busy process, the cost is measured there too.
/// </summary>
internal sealed class UnitCostRuns(Bench bench)
{
    private const string PerSecond = "µs/s";

    private const int Viewers = 5000;
    private const int Streams = 2000;
    private const int ManyGateways = 8;
    private const int Shards = 3;
    private const double PublishRate = 200;
    private const double Samples = Streams / 5.0;

    private readonly CostBook _book = new();

    public async Task<SortedDictionary<string, UnitCost>> RunAsync()
    {
        var one = await OneStreamAsync();
        await ManyStreamsAsync(one.Calm, one.Connect);
        await ClusterAsync(publish: await ManyGatewaysAsync());
        return _book.Costs;
    }

    /// <summary>Viewers on one stream: what a viewer costs and what a delivery costs.</summary>
    /// <returns>The rates of a quiet window at the end, and what a connection costs while all connect.</returns>
    private async Task<(PartRates Calm, double Connect)> OneStreamAsync()
    {
        const double Rate = 5;
        await using var session = await CostSession.OpenAsync(bench, new NovaLayout(), Viewers);
        var idle = session.Quiet();
        var cell = "1 gateway without viewers";
        _book.Add("gateway_second", idle.Gateways, PerSecond, cell);
        _book.Add("gateway_mb", ProcFile.ResidentBytes(session.Nova.MeasuredProcesses) / 1048576.0, "MB", cell);
        _book.Add("redis_second", idle.Redis, PerSecond, cell);

        cell = $"{Viewers:N0} viewers on 1 stream";
        var (connect, counts) = session.Connect(Viewers, idle);
        var quiet = session.Quiet();
        _book.Add("gateway_viewer_second", (quiet - idle).Gateways / Viewers, PerSecond, cell);
        _book.Add("gateway_viewer_kb", session.Session.Memory().PerViewer / 1024, "KB", cell);
        var events = session.Publish(Rate) - quiet;
        _book.Add("gateway_delivery", events.Gateways / (Rate * Viewers), "µs", $"{cell}, {Rate} events/s");
        var calm = session.Quiet();
        _book.AddCall("second", calm, 1, $"{cell}, quiet at the end");
        return (calm, connect.Gateways - (counts * _book["gateway_delivery"]));
    }

    /// <summary>Streams with a viewer each: what a stream, its messages, reports and calls cost.</summary>
    private async Task ManyStreamsAsync(PartRates oneStream, double connect)
    {
        const double Events = 500;
        const double BusyEvents = 4000;
        await using var session = await CostSession.OpenAsync(bench, new NovaLayout(Streams: Streams), Streams);
        var idle = session.Quiet();
        var cell = $"{Streams:N0} streams × 1 viewer";
        var (opened, _) = session.Connect(Streams, idle);
        var quiet = session.Quiet();
        _book.Add("gateway_stream_second", ((quiet - idle).Gateways / Streams) - _book["gateway_viewer_second"], PerSecond, cell);
        _book.Add("redis_stream_second", (quiet - idle).Redis / Streams, PerSecond, cell);
        _book.Add("gateway_stream_kb", (session.Session.Memory().PerViewer / 1024) - _book["gateway_viewer_kb"], "KB", cell);

        var events = session.Publish(Events) - quiet;
        _book.Add("gateway_message", (events.Gateways / Events) - _book["gateway_delivery"], "µs", $"{cell}, {Events} events/s");
        var busy = session.Publish(BusyEvents) - quiet;
        _book.AddBusy("gateway_message", Events, (busy.Gateways / BusyEvents) - _book["gateway_delivery"], BusyEvents);
        AddCalls(session, oneStream, cell);
        AddJoin(session, quiet, cell);
        AddOpen(opened, connect, $"{cell}, connecting, less as many on 1 stream");
    }

    /// <summary>
    /// Calls to StreamState. What they are compared with is a quiet window after them: after new work .NET compiles for half a minute, during which an
    /// idle StreamState used 15 % of a core, and 3 % afterwards.
    /// </summary>
    private void AddCalls(CostSession session, PartRates oneStream, string cell)
    {
        const double Changes = 50;
        var bitrate = session.Call(session.Nova.Bitrates(), Samples);
        var heartbeat = session.Call(session.Nova.Heartbeats(), Samples);
        var change = session.Change(Changes); // Last: it has the most to compile and the fewest calls.
        var calm = session.Quiet();
        _book.Add("streamstate_stream_second", (calm - oneStream).StreamState / Streams, PerSecond, $"{Streams:N0} live streams, less 1");
        _book.Add("postgres_stream_second", (calm - oneStream).Postgres / Streams, PerSecond, $"{Streams:N0} live streams, less 1");
        _book.Add("transactions_stream_second", (calm - oneStream).Transactions / Streams, "transactions", $"{Streams:N0} live streams, less 1");
        foreach (var (name, rates, perSecond) in new[] { ("change", change, Changes), ("bitrate", bitrate, Samples), ("heartbeat", heartbeat, Samples) })
        {
            var what = $"{cell}, {perSecond} {name}s/s";
            _book.AddCall(name, rates - calm, perSecond, what);
            _book.Add($"redis_{name}", (rates - calm).Redis / perSecond, "µs", what);
        }

        AddBusyCalls(session, calm);
    }

    private void AddOpen(PartRates perViewer, double connect, string cell)
    {
        _book.Add("gateway_open", perViewer.Gateways - connect - _book["gateway_message"] - _book["gateway_delivery"], "µs", cell);
        _book.AddCall("open", perViewer, 1, cell);
    }

    /// <summary>Samples at as high a rate as lets everything behind the gateway use half of its core, the generator's.</summary>
    private void AddBusyCalls(CostSession session, PartRates quiet)
    {
        foreach (var (name, requests) in new[] { ("bitrate", session.Nova.Bitrates()), ("heartbeat", session.Nova.Heartbeats()) })
        {
            var each = _book[$"streamstate_{name}"] + _book[$"postgres_{name}"] + _book[$"redis_{name}"];
            var rate = Math.Round(Math.Min(0.5e6 / each, 20_000));
            if (rate <= Samples)
            {
                continue; // The quiet rate is all that this core can do.
            }

            var busy = session.Call(requests, rate) - quiet;
            _book.AddBusy($"streamstate_{name}", Samples, busy.StreamState / rate, rate);
            _book.AddBusy($"postgres_{name}", Samples, busy.Postgres / rate, rate);
            _book.AddBusy($"redis_{name}", Samples, busy.Redis / rate, rate);
        }
    }

    /// <summary>Each join and each leave is reported by itself here; its count goes to the stream's one or two viewers.</summary>
    private void AddJoin(CostSession session, PartRates quiet, string cell)
    {
        const double Joins = 100;
        var churn = session.Churn(Joins, connected: 100) - quiet;
        cell = $"{cell}, {Joins} joins and leaves/s";
        _book.Add("gateway_join", (churn.Gateways / Joins) - (3 * _book["gateway_delivery"]) - (2 * _book["gateway_message"]), "µs", cell);
        _book.Add("redis_report", churn.Redis / (2 * Joins), "µs", cell);
    }

    /// <summary>Eight gateways that hold one stream: what Redis pays for each.</summary>
    /// <returns>What a message costs to which nobody listens.</returns>
    private async Task<double> ManyGatewaysAsync()
    {
        await using var session = await CostSession.OpenAsync(bench, new NovaLayout(Gateways: ManyGateways), ManyGateways);
        var idle = session.Quiet();
        _book.Add(
            "redis_gateway_second", (idle.Redis - _book["redis_second"]) / (ManyGateways - 1), PerSecond, $"{ManyGateways} gateways without viewers, less 1");
        var unheard = session.Publish(PublishRate) - idle;
        session.Connect(ManyGateways, idle);
        var heard = session.Publish(PublishRate) - idle;
        AddSparseMessages(heard - unheard);
        var push = (heard.Redis - unheard.Redis) / (PublishRate * ManyGateways);
        _book.Add("redis_push", push, "µs", $"1 stream on {ManyGateways} gateways, {PublishRate} events/s");
        var rate = Math.Round(0.5e6 / (ManyGateways * (_book["gateway_message"] + _book["gateway_delivery"]))); // Half of the gateways' core.
        if (rate > PublishRate)
        {
            var busy = session.Publish(rate) - idle;
            _book.AddBusy("redis_push", PublishRate * ManyGateways, (busy.Redis - (rate * unheard.Redis / PublishRate)) / (rate * ManyGateways), rate * ManyGateways);
        }

        return unheard.Redis / PublishRate;
    }

    /// <summary>A gateway that hears little wakes up for each message: beside seven others it pays more for one than a busy gateway does.</summary>
    private void AddSparseMessages(PartRates heard)
    {
        var busy = _book.Costs["gateway_message"];
        _book.Add(
            "gateway_message", (heard.Gateways / (PublishRate * ManyGateways)) - _book["gateway_delivery"], "µs", $"1 stream on {ManyGateways} gateways, {PublishRate} events/s");
        _book.AddBusy("gateway_message", PublishRate, busy.BusyValue, busy.BusyRate);
    }

    /// <summary>What each gateway and each shard costs where every gateway has a link to every shard. Messages that nobody listens to: what they cost in a cluster with plain pub/sub, beyond what they cost on one server.</summary>
    private async Task ClusterAsync(double publish)
    {
        await using var session = await CostSession.OpenAsync(bench, new NovaLayout(Gateways: ManyGateways, RedisShards: Shards), 1);
        var idle = session.Quiet();
        var cell = $"{Shards} shards, {ManyGateways} gateways without viewers";
        _book.Add("redis_second", (idle.Redis / Shards) - (ManyGateways * _book["redis_gateway_second"]), PerSecond, cell);
        _book.Add("gateway_second", idle.Gateways / ManyGateways, PerSecond, cell); // Less noise than one.
        var events = session.Publish(PublishRate) - idle;
        _book.Add("redis_forward", ((events.Redis / PublishRate) - publish) / (Shards - 1), "µs", $"{Shards} shards, {PublishRate} events/s that nobody listens to");
    }
}
