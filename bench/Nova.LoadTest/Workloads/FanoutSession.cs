using Nova.LoadTest.Generator;
using Nova.LoadTest.Measuring;
using Nova.LoadTest.Reporting;
using Nova.LoadTest.Systems;

namespace Nova.LoadTest.Workloads;

/// <summary>A running system with connected viewers, to which events can be published.</summary>
internal sealed class FanoutSession : IAsyncDisposable
{
    private static readonly TimeSpan SettleTime = TimeSpan.FromSeconds(2);

    /// <summary>Maximum wait for late events after the window; 2 s without an arrival end the wait earlier.</summary>
    private static readonly TimeSpan StragglerTimeout = TimeSpan.FromSeconds(60);
    private const long MaxArrivalGap = 2 * EventLoop.Second;

    private readonly SystemUnderTest _system;
    private readonly RunSettings _settings;
    private readonly CancellationToken _cancellation;
    private PublishConnection? _publisher;
    private long _residentBefore;
    private long _residentIdle;

    private FanoutSession(SystemUnderTest system, RunSettings settings, CancellationToken cancellation)
    {
        (_system, _settings, _cancellation) = (system, settings, cancellation);
        Loop = new EventLoop(cancellation);
        Audience = new Audience(Loop, system);
        Deliveries = new Deliveries(Publications);
    }

    public EventLoop Loop { get; }

    public Audience Audience { get; }

    public Publications Publications { get; } = new();

    /// <summary>Deliveries to all viewers without a sink of their own.</summary>
    public Deliveries Deliveries { get; }

    public PublishConnection Publisher => _publisher ??= _system.ConnectPublisher(Loop);

    /// <summary>CPU and latency of the last call of <see cref="Connect"/>.</summary>
    public (CpuUse Cpu, Latencies Latency) Connecting { get; private set; } = (new CpuUse(0, 0, 0, 0, 0), new Latencies(0, 0, 0, 0, 0));

    /// <summary>Runs each measured window, to measure more than the system's own processes in it.</summary>
    public Action<Action> Measuring { get; set; } = static window => window();

    /// <param name="system">A system that is not started; the session disposes it.</param>
    /// <param name="viewers">The number of viewers.</param>
    /// <param name="settings">Settings of the run.</param>
    /// <param name="cancellation">Stops the session's loop.</param>
    /// <param name="add">Adds each viewer; null adds viewers whose deliveries are counted.</param>
    public static async Task<FanoutSession> OpenAsync(
        SystemUnderTest system, int viewers, RunSettings settings, CancellationToken cancellation, Action<FanoutSession, int>? add = null)
    {
        FileLimit.Require(viewers);
        await QuietMachine.WaitAsync(settings.QuietWait, cancellation);
        var session = new FanoutSession(system, settings, cancellation);
        try
        {
            await system.StartAsync(viewers, cancellation);
            session._residentBefore = ProcFile.ResidentBytes(system.MeasuredProcesses);
            for (var i = 0; i < viewers; i++)
            {
                if (add is null)
                {
                    session.Audience.Add(session.Deliveries);
                }
                else
                {
                    add(session, i);
                }
            }

            session.Connect();
            return session;
        }
        catch
        {
            await session.DisposeAsync();
            throw;
        }
    }

    public Memory Memory() => new(
        _residentBefore, _residentIdle, ProcFile.PeakResidentBytes(_system.MeasuredProcesses),
        (_residentIdle - _residentBefore) / (double)Math.Max(1, Audience.Viewers.Count));

    /// <summary>Publishes at a steady rate and measures the window after the warm-up.</summary>
    public Measurement Measure(string workload, string cell, double perSecond, TimeSpan window, Action? afterWindow = null)
    {
        var recipients = Audience.Viewers.Count(viewer => viewer.Sink == Deliveries) / (double)_system.PublishRequests.Count;
        var schedule = new PublishSchedule(Publisher, _system.PublishRequests, Publications, perSecond);
        return Measure(workload, cell, schedule, perSecond, recipients, window, afterWindow);
    }

    /// <summary>Measures a window in which nothing is published.</summary>
    public Measurement MeasureQuiet(string workload, string cell, TimeSpan window)
    {
        Loop.RunFor(_settings.Warmup);
        var (use, arrived, _) = MeasureWindow(window);
        Audience.RequireAllOpen();
        return new Measurement(workload, _system.Name, cell, Audience.Viewers.Count)
        {
            DeliveredPerSecond = arrived / use.Seconds,
            Cpu = use,
            Memory = Memory(),
        };
    }

    /// <summary>Closes the publisher's connection, because its server stops; the next publication opens a new one.</summary>
    public void DisconnectPublisher()
    {
        _publisher?.Dispose();
        _publisher = null;
    }

    /// <summary>Connects every disconnected viewer and waits until the viewer counts have been delivered.</summary>
    /// <exception cref="LoadTestException">Not all viewers are connected.</exception>
    public void Connect()
    {
        _cancellation.ThrowIfCancellationRequested();
        var cpu = new CpuWindow(_system.MeasuredProcesses);
        cpu.Begin();
        Audience.ConnectAll(_settings.InFlight);
        Connecting = (cpu.End(), Latencies.Of(Audience.ConnectTimes));
        Audience.RequireAllOpen();
        Loop.RunFor(SettleTime); // Viewer counts that the joins caused must not arrive in a measured window.
        _residentIdle = ProcFile.ResidentBytes(_system.MeasuredProcesses);
    }

    /// <param name="workload">Workload in the report.</param>
    /// <param name="cell">Name of the cell in the report.</param>
    /// <param name="schedule">Publishes the events.</param>
    /// <param name="perSecond">Rate of the schedule, for the report.</param>
    /// <param name="recipients">Number of counted viewers that each event goes to.</param>
    /// <param name="window">Length of the measured window, which follows the warm-up.</param>
    /// <param name="afterWindow">Runs after the window, while publishing continues.</param>
    public Measurement Measure(
        string workload, string cell, PublishSchedule schedule, double perSecond, double recipients, TimeSpan window, Action? afterWindow = null)
    {
        using var progress = new ProgressLine($"{_system.Name} {cell}", Audience, Deliveries, _system.MeasuredProcesses);
        Loop.AddTicker(progress);
        Loop.AddTicker(schedule);
        schedule.Start();
        Loop.RunFor(_settings.Warmup);

        var (use, arrived, reads) = MeasureWindow(window);
        afterWindow?.Invoke();
        schedule.Stop();

        var expected = Publications.Measured * recipients;
        WaitForStragglers(expected);
        Loop.RemoveTicker(schedule);
        Loop.RemoveTicker(progress);
        return new Measurement(workload, _system.Name, cell, Audience.Viewers.Count)
        {
            Rate = perSecond,
            DeliveredPerSecond = arrived / use.Seconds,
            DeliveredPercent = expected == 0 ? 100 : 100.0 * Deliveries.Delivered / expected,
            Duplicates = Deliveries.Duplicates,
            Disordered = Deliveries.Disordered,
            Latency = Deliveries.Delivered == 0 ? null : Latencies.Of(Deliveries.Latencies),
            Cpu = use,
            Memory = Memory(),
            EventsPerRead = reads == 0 ? null : (double)arrived / reads,
        };
    }

    public async ValueTask DisposeAsync()
    {
        Audience.Dispose();
        _publisher?.Dispose();
        await _system.DisposeAsync();
        Loop.Dispose();
    }

    /// <returns>CPU time, and the arrivals and reads in the same time. Deliveries are counted later, by number.</returns>
    private (CpuUse Use, long Arrived, long Reads) MeasureWindow(TimeSpan window)
    {
        Deliveries.Reset();
        var cpu = new CpuWindow(_system.MeasuredProcesses);
        var (arrived, reads) = (Deliveries.Arrived, Audience.Reads);
        CpuUse? use = null;
        Measuring(() =>
        {
            Publications.BeginWindow();
            cpu.Begin();
            Loop.RunFor(window);
            use = cpu.End();
            Publications.EndWindow();
        });
        return (use!, Deliveries.Arrived - arrived, Audience.Reads - reads);
    }

    /// <summary>Waits for late events, also to let an overloaded system drain its queues before the next cell.</summary>
    private void WaitForStragglers(double expected)
    {
        var (arrived, lastArrivalAt) = (Deliveries.Arrived, EventLoop.Now);
        Loop.RunUntil(
            () =>
            {
                if (Deliveries.Arrived > arrived)
                {
                    (arrived, lastArrivalAt) = (Deliveries.Arrived, EventLoop.Now);
                }

                return Deliveries.Delivered >= expected || EventLoop.Now - lastArrivalAt > MaxArrivalGap;
            },
            StragglerTimeout);
    }
}
