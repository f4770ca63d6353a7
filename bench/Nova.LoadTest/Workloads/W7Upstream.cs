using Nova.LoadTest.Generator;
using Nova.LoadTest.Measuring;
using Nova.LoadTest.Reporting;
using Nova.LoadTest.Systems.Nova;
using Npgsql;

namespace Nova.LoadTest.Workloads;

/// <summary>Requests from viewers: issue reports until they are durably stored, and stream info.</summary>
internal sealed class W7Upstream : Workload
{
    private const string Report =
        """{"event":"report_issue","data":{"report_id":"{id}","issue_type":"buffering","severity":"high","description":"Stalls every few seconds","client_info":{"player":"loadtest","browser":"none","os":"linux","network":"wifi","bandwidth_estimate_kbps":4200}}}""";

    private const string StreamInfoRequest = """{"event":"get_stream_info","data":{"request_id":"{id}"}}""";

    /// <summary>Enough viewers that each one stays below the gateway's rate limit for reports.</summary>
    private const int DefaultReporters = 5000;
    private const int StreamInfoViewers = 1000;
    private const double MinSustained = 2000;
    private const double MaxMilliseconds = 100;

    private static readonly double[] DefaultRates = [200, 500, 1000, 2000, 5000];
    private static readonly TimeSpan ResponseTimeout = TimeSpan.FromSeconds(20);

    public override string Name => "W7";

    public override string Summary => "report_issue at 200 to 5,000/s (--rate) spread over 5,000 viewers until durably stored; get_stream_info by 1,000 viewers, one a second each";

    public override async Task RunAsync(Bench bench)
    {
        var sustained = 0.0;
        foreach (var rate in bench.Settings.Rate is { } one ? [one] : DefaultRates)
        {
            var cell = await MeasureAsync(bench, "report_issue", Report, "\"report_id\":\"", bench.Settings.Viewers ?? DefaultReporters, rate);
            if (cell is { DeliveredPercent: >= 99.9, Latency.P99: <= MaxMilliseconds })
            {
                sustained = Math.Max(sustained, rate);
            }
        }

        bench.Report.Add(new Goal(
            $"Reports durably stored with p99 ≤ {MaxMilliseconds} ms", $"≥ {MinSustained:N0}/s", $"{sustained:N0}/s", sustained >= MinSustained));
        await MeasureAsync(bench, "get_stream_info", StreamInfoRequest, "\"request_id\":\"", StreamInfoViewers, StreamInfoViewers);
    }

    /// <summary>Starts a new Nova for each rate, so that no rate inherits the report queue of the last one.</summary>
    private async Task<Measurement> MeasureAsync(Bench bench, string what, string message, string marker, int viewers, double rate)
    {
        var nova = bench.CreateNova();
        await using var session = await FanoutSession.OpenAsync(nova, viewers, bench.Settings, bench.Cancellation);
        var load = new UpstreamLoad(session.Audience.Viewers, session.Publications, message, marker, rate);
        session.Loop.AddTicker(load);
        load.Start();
        session.Loop.RunFor(bench.Settings.Warmup);

        var cpu = new CpuWindow(nova.MeasuredProcesses);
        var arrived = load.Arrived;
        session.Publications.BeginWindow();
        cpu.Begin();
        session.Loop.RunFor(bench.Settings.Window(5));
        var use = cpu.End();
        arrived = load.Arrived - arrived;
        session.Publications.EndWindow();
        load.Stop();
        session.Loop.RunUntil(() => load.Answered >= session.Publications.Measured, ResponseTimeout);

        var cell = new Measurement(Name, nova.Name, $"{what} {rate:N0}/s from {viewers:N0} viewers", viewers)
        {
            Rate = rate,
            DeliveredPerSecond = arrived / use.Seconds,
            DeliveredPercent = 100.0 * load.Answered / session.Publications.Measured,
            Latency = load.Answered == 0 ? null : Latencies.Of(load.Latencies),
            Cpu = use,
            Memory = session.Memory(),
            Extra = new() { ["errors"] = load.Errors },
        };
        if (message == Report)
        {
            cell.Extra["sent"] = session.Publications.Count;
            cell.Extra["durable"] = await CountStoredAsync(nova, bench.Cancellation);
        }

        bench.Report.Add(cell);
        return cell;
    }

    private static async Task<long> CountStoredAsync(NovaSystem nova, CancellationToken cancellationToken)
    {
        await using var database = NpgsqlDataSource.Create(nova.Services.TelemetryDatabase);
        await using var count = database.CreateCommand("SELECT count(DISTINCT report_id) FROM issues");
        return (long)(await count.ExecuteScalarAsync(cancellationToken))!;
    }
}
