using Nova.LoadTest.Generator;
using Nova.LoadTest.Measuring;
using Nova.LoadTest.Reporting;
using Nova.LoadTest.Systems;

namespace Nova.LoadTest.Workloads;

/// <summary>A system that runs, with all viewers connected, and events that can be published to them.</summary>
internal sealed class FanoutSession : IAsyncDisposable
{
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);
    /// <summary>How long what was published may still arrive: as long as anything does, within reason.</summary>
    private static readonly TimeSpan LongestStraggling = TimeSpan.FromSeconds(60);
    private const long Silence = 2 * EventLoop.Second;

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

    /// <summary>Of every viewer that was not given a sink of its own.</summary>
    public Deliveries Deliveries { get; }

    public PublishConnection Publisher => _publisher ??= _system.ConnectPublisher(Loop);

    /// <summary>How the last connecting of all viewers went.</summary>
    public (CpuUse Cpu, Latencies Latency) Connecting { get; private set; } = (new CpuUse(0, 0, 0, 0, 0), new Latencies(0, 0, 0, 0, 0));

    /// <param name="system">Not started yet; the session disposes of it.</param>
    /// <param name="viewers">How many connect.</param>
    /// <param name="settings">Of the run.</param>
    /// <param name="cancellation">Ends the session's loop.</param>
    /// <param name="add">Adds a viewer; where one is not an ordinary one.</param>
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

    /// <summary>Publishes at a steady rate and measures all but the warm-up.</summary>
    public Measurement Measure(string workload, string cell, double perSecond, TimeSpan window, Action? afterWindow = null)
    {
        var recipients = Audience.Viewers.Count(viewer => viewer.Sink == Deliveries) / (double)_system.PublishRequests.Count;
        var schedule = new PublishSchedule(Publisher, _system.PublishRequests, Publications, perSecond);
        return Measure(workload, cell, schedule, perSecond, recipients, window, afterWindow);
    }

    /// <summary>The next publication goes over a new connection: the old one's server has gone.</summary>
    public void ForgetPublisher()
    {
        _publisher?.Dispose();
        _publisher = null;
    }

    /// <summary>Connects everybody who is not, and lets their counts settle.</summary>
    /// <exception cref="LoadTestException">Not all are connected.</exception>
    public void Connect()
    {
        _cancellation.ThrowIfCancellationRequested();
        var cpu = new CpuWindow(_system.MeasuredProcesses);
        cpu.Begin();
        Audience.ConnectAll(_settings.InFlight);
        Connecting = (cpu.End(), Latencies.Of(Audience.ConnectTimes));
        Audience.RequireAllOpen();
        Loop.RunFor(Settling); // Counts of who joined are still on their way, and belong to nobody's window.
        _residentIdle = ProcFile.ResidentBytes(_system.MeasuredProcesses);
    }

    /// <param name="workload">Name for the report.</param>
    /// <param name="cell">What distinguishes this cell in the report.</param>
    /// <param name="schedule">Publishes.</param>
    /// <param name="perSecond">Its rate, for the report.</param>
    /// <param name="recipients">Ordinary viewers that each event goes to.</param>
    /// <param name="window">What is measured, after the warm-up.</param>
    /// <param name="afterWindow">Runs while publishing goes on, no longer measured.</param>
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

    /// <returns>CPU, and what arrived by time: the work that this CPU time did. Delivery is judged by number, later.</returns>
    private (CpuUse Use, long Arrived, long Reads) MeasureWindow(TimeSpan window)
    {
        Deliveries.Reset();
        var cpu = new CpuWindow(_system.MeasuredProcesses);
        var (arrived, reads) = (Deliveries.Arrived, Audience.Reads);
        Publications.BeginWindow();
        cpu.Begin();
        Loop.RunFor(window);
        var use = cpu.End();
        Publications.EndWindow();
        return (use, Deliveries.Arrived - arrived, Audience.Reads - reads);
    }

    /// <summary>Also lets an overloaded system come to rest, so that the next cell does not begin with the last one's backlog.</summary>
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

                return Deliveries.Delivered >= expected || EventLoop.Now - lastArrivalAt > Silence;
            },
            LongestStraggling);
    }
}
