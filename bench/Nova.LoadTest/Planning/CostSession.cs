using Nova.LoadTest.Generator;
using Nova.LoadTest.Systems.Nova;
using Nova.LoadTest.Workloads;

namespace Nova.LoadTest.Planning;

/// <summary>A running Nova without viewers, and the windows in which its unit costs are measured.</summary>
internal sealed class CostSession : IAsyncDisposable
{
    /// <summary>Calls under way at once: as many as StreamState has sessions.</summary>
    private const int CallsInFlight = 20;

    /// <summary>Viewers who connect before any is measured: the first ones cost the compilation of what they need.</summary>
    private const int FirstViewers = 200;

    /// <summary>A new process, and a process with new work, compiles most of it in so long.</summary>
    private static readonly TimeSpan CompilationTime = TimeSpan.FromSeconds(10);

    private const double MinDelivered = 0.99;

    private readonly TimeSpan _window;
    private readonly FanoutSession _session;
    private readonly RestPool _rest;

    private CostSession(RunSettings settings, NovaSystem nova, FanoutSession session)
    {
        (_window, Nova, _session) = (settings.Window(10), nova, session);
        _rest = new RestPool(session.Loop, nova.Services.StreamStatePort, CallsInFlight);
    }

    public NovaSystem Nova { get; }

    public FanoutSession Session => _session;

    public static async Task<CostSession> OpenAsync(Bench bench, NovaLayout layout, int viewers)
    {
        var nova = bench.CreateNova(layout);
        var session = await FanoutSession.OpenAsync(nova, viewers, bench.Settings, bench.Cancellation, static (_, _) => { });
        var costs = new CostSession(bench.Settings, nova, session);
        costs.WarmUp();
        return costs;
    }

    /// <returns>The rates of a window in which nothing happens.</returns>
    public PartRates Quiet() => PartRates.Measure(Nova, () => _session.Loop.RunFor(_window));

    /// <returns>The rates above <paramref name="idle"/> while viewers connect, per viewer, and the counts that each caused to be delivered.</returns>
    public (PartRates PerViewer, double Counts) Connect(int viewers, PartRates idle)
    {
        Add(Math.Min(FirstViewers, viewers / 2));
        _session.Connect();
        var measured = viewers - _session.Audience.Viewers.Count;
        Add(measured);
        var (started, messages) = (EventLoop.Now, _session.Deliveries.OtherMessages);
        var rates = PartRates.Measure(Nova, _session.Connect) - idle;
        var counts = _session.Deliveries.OtherMessages - messages - measured; // Each viewer's greeting is no count.
        return (rates * ((EventLoop.Now - started) / (double)EventLoop.Second / measured), counts / (double)measured);
    }

    /// <returns>The rates while events are put on Redis as the outbox relay does.</returns>
    /// <exception cref="LoadTestException">Viewers did not receive them: their cost would seem lower than it is.</exception>
    public PartRates Publish(double perSecond)
    {
        var (published, arrived) = (_session.Publications.Count, _session.Deliveries.Arrived);
        var versions = Nova.PublishRequests.Select(static request => request.Version).ToList();
        var rates = Run(
            new PublishSchedule(_session.Publisher, Nova.PublishRequests, _session.Publications, perSecond), static schedule => schedule.Start(), static schedule => schedule.Stop());
        var expected = (_session.Publications.Count - published) * _session.Audience.Viewers.Count / (double)Nova.PublishRequests.Count;
        arrived = _session.Deliveries.Arrived - arrived;
        if (expected == 0)
        {
            foreach (var (request, version) in Nova.PublishRequests.Zip(versions))
            {
                request.Version = version; // Viewers who come later would miss these events, and their gateway would ask StreamState for them.
            }
        }

        return arrived >= MinDelivered * expected
            ? rates
            : throw new LoadTestException($"Of {perSecond:N0} events/s only {100 * arrived / expected:F0} % arrived, so their unit costs would be wrong. Is the machine busy?");
    }

    /// <summary>StreamState compiles the path of a change for half a minute at 50/s: a change cost 2 ms after 10 s of them.</summary>
    public PartRates Change(double perSecond) => Run(
        new PublishSchedule(_rest, Nova.RestRequests(), _session.Publications, perSecond), static schedule => schedule.Start(), static schedule => schedule.Stop(),
        3 * CompilationTime);

    public PartRates Call(IReadOnlyList<byte[]> requests, double perSecond) =>
        Run(new RestSchedule(_rest, requests, perSecond), static schedule => schedule.Start(), static schedule => schedule.Stop());

    /// <param name="joins">Joins per second, and as many leaves.</param>
    /// <param name="connected">A join beyond so many makes the oldest leave.</param>
    public PartRates Churn(double joins, int connected) =>
        Run(new Churn(_session.Audience, new NullSink(), joins, connected), static churn => churn.Start(), static churn => churn.Stop(), TimeSpan.FromSeconds(2 * connected / joins));

    public async ValueTask DisposeAsync()
    {
        _rest.Dispose();
        await _session.DisposeAsync();
        if (_rest.FirstFailure is { } failure)
        {
            await Console.Error.WriteLineAsync($"  A call failed: {failure}");
        }
    }

    /// <summary>Without calls, .NET would compile StreamState's loops bit by bit for a minute. Samples leave the streams' versions as they are.</summary>
    private void WarmUp()
    {
        const double PerSecond = 100;
        var samples = new RestSchedule(_rest, [.. Nova.Heartbeats().Concat(Nova.Bitrates())], PerSecond);
        _session.Loop.AddTicker(samples);
        samples.Start();
        _session.Loop.RunFor(CompilationTime);
        samples.Stop();
        _session.Loop.RemoveTicker(samples);
        _session.Loop.RunFor(2 * CompilationTime);
    }

    private void Add(int viewers)
    {
        for (var i = 0; i < viewers; i++)
        {
            _session.Audience.Add(_session.Deliveries);
        }
    }

    private PartRates Run<T>(T load, Action<T> start, Action<T> stop, TimeSpan warmup = default)
        where T : ITicker
    {
        _session.Loop.AddTicker(load);
        start(load);
        _session.Loop.RunFor(warmup > CompilationTime ? warmup : CompilationTime);
        var rates = Quiet();
        stop(load);
        _session.Loop.RunFor(TimeSpan.FromSeconds(2)); // What is under way ends before the next window.
        _session.Loop.RemoveTicker(load);
        return rates;
    }
}
