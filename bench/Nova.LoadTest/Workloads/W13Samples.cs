using Nova.LoadTest.Generator;
using Nova.LoadTest.Measuring;
using Nova.LoadTest.Reporting;
using Nova.LoadTest.Systems.Nova;

namespace Nova.LoadTest.Workloads;

/// <summary>Broadcasters' heartbeats and bitrate samples, half of each, on one StreamState with a core of its own.</summary>
internal sealed class W13Samples : Workload
{
    private const int DefaultStreams = 1000;
    private const double MinSustained = 20_000;
    private const double MaxMilliseconds = 20;

    /// <summary>A queue that has grown to this within a window grows on: a higher rate would only measure a longer one.</summary>
    private const double HopelessMilliseconds = 1000;

    /// <summary>A burst is what a gateway sends after an outage: its broadcasters' posts all at once.</summary>
    private const int BurstPosts = 900;
    private const int BurstStreams = 10;
    private const int Bursts = 3;

    /// <summary>The gateways' proxies open a connection for each call under way, without a limit.</summary>
    private const int MaxConnections = 1000;

    private static readonly double[] DefaultRates = [500, 1000, 2000, 5000, 10_000, 15_000, 20_000];
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(10);

    public override string Name => "W13";

    public override string Summary =>
        "heartbeat and bitrate posts at 500 to 20,000/s (--rate) for 1,000 streams, straight to one StreamState on one core, and 900 posts at once to 10 streams";

    public override async Task RunAsync(Bench bench)
    {
        var nova = bench.CreateNova(new NovaLayout(Gateways: 0, Streams: bench.Settings.Viewers ?? DefaultStreams, NovaPart.StreamState));
        FileLimit.Require(2 * MaxConnections);
        await QuietMachine.WaitAsync(bench.Settings.QuietWait, bench.Cancellation);
        await using var system = nova;
        await nova.StartAsync(viewers: 0, bench.Cancellation);
        using var loop = new EventLoop(bench.Cancellation);
        var posts = nova.Heartbeats().Zip(nova.Bitrates()).SelectMany(static pair => new[] { pair.First, pair.Second }).ToList();

        var refused = MeasureBursts(bench, nova, loop, posts);
        var sustained = 0.0;
        foreach (var rate in bench.Settings.Rate is { } one ? [one] : DefaultRates)
        {
            var cell = MeasureRate(bench, nova, loop, posts, rate, "samples");
            if (cell is { DeliveredPercent: >= 99.9, Latency.P99: <= MaxMilliseconds })
            {
                sustained = rate;
            }
            else if (cell.DeliveredPercent < 99.9 || cell.Latency?.P99 > HopelessMilliseconds)
            {
                break;
            }
        }

        MeasureRate(bench, nova, loop, [NovaSystem.AliveCall()], bench.Settings.Rate ?? Math.Max(DefaultRates[0], sustained), "calls of /alive");
        bench.Report.Add(new Goal($"Samples with p99 ≤ {MaxMilliseconds} ms on one core", $"≥ {MinSustained:N0}/s", $"{sustained:N0}/s", sustained >= MinSustained));
        bench.Report.Add(new Goal($"503 answers to {BurstPosts} posts at once to {BurstStreams} streams, {Bursts} times", "0", $"{refused}", refused == 0));
    }

    private Measurement MeasureRate(Bench bench, NovaSystem nova, EventLoop loop, List<byte[]> posts, double rate, string what)
    {
        using var pool = new RestPool(loop, nova.Services.StreamStatePort, MaxConnections);
        var load = new RestSchedule(pool, posts, rate);
        var cpu = new CpuWindow(nova.MeasuredProcesses);
        loop.AddTicker(load);
        load.Start();
        loop.RunFor(bench.Settings.Warmup);

        CpuUse? use = null;
        var parts = nova.CpuOfParts().Measure(() =>
        {
            cpu.Begin();
            pool.BeginWindow();
            loop.RunFor(bench.Settings.Window(5));
            pool.EndWindow();
            use = cpu.End();
        });
        load.Stop();
        loop.RemoveTicker(load);
        loop.RunUntil(() => pool.Answered >= pool.Measured, AnswerTimeout);
        pool.DropWaiting();

        var cell = Cell(pool, $"{rate:N0} {what}/s, {Math.Max(1, posts.Count / 2):N0} streams", rate) with { Cpu = use };
        cell.Extra["Redis % of a core"] = 100 * parts.Redis / parts.Seconds;
        cell.Extra["PostgreSQL % of a core"] = 100 * parts.Postgres / parts.Seconds;
        bench.Report.Add(cell with { DeliveredPerSecond = pool.Answered / use!.Seconds });
        return cell;
    }

    /// <returns>How many posts were answered 503, or not at all.</returns>
    private long MeasureBursts(Bench bench, NovaSystem nova, EventLoop loop, List<byte[]> posts)
    {
        using var pool = new RestPool(loop, nova.Services.StreamStatePort, MaxConnections);
        pool.BeginWindow();
        for (var burst = 0; burst < Bursts; burst++)
        {
            for (var i = 0; i < BurstPosts; i++)
            {
                pool.Send(posts[i % (2 * Math.Min(BurstStreams, posts.Count / 2))], EventLoop.Now);
            }

            loop.RunUntil(() => pool.Answered >= pool.Measured, AnswerTimeout);
        }

        pool.EndWindow();
        bench.Report.Add(Cell(pool, $"{BurstPosts} posts at once to {BurstStreams} streams, {Bursts} times", rate: 0));
        return pool.Statuses.GetValueOrDefault(503) + pool.Measured - pool.Answered;
    }

    private Measurement Cell(RestPool pool, string name, double rate) => new(Name, "nova", name, Viewers: 0)
    {
        Rate = rate,
        DeliveredPercent = 100.0 * pool.Statuses.Where(static status => status.Key is >= 200 and < 300).Sum(static status => status.Value) / Math.Max(1, pool.Measured),
        Latency = pool.Answered == 0 ? null : Latencies.Of(pool.Latencies),
        Extra = pool.Statuses.ToDictionary(
            static status => status.Key == RestPool.NoAnswer ? "without answer" : $"status {status.Key}", static status => (double)status.Value),
    };
}
