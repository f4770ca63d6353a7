using Microsoft.Extensions.Options;
using Nova.Gateway.Frames;
using Nova.Protocol;
using Nova.ServiceDefaults.Background;

namespace Nova.Gateway.Viewers;

/// <summary>
/// One timer for every viewer's pings and deadlines: a wheel that turns once per <see cref="ViewerClock.VisitInterval"/>. A viewer keeps
/// the slot it came in, which spreads the work as the connects were spread. A deadline that falls between two visits gets a timer of its own.
/// </summary>
internal sealed class ViewerTimerWheel(IOptions<GatewayOptions> options, GatewayMetrics metrics, LoopGuards guards, TimeProvider time) : BackgroundService
{
    private const int Slots = 20;

    private static readonly TimeSpan Tick = ViewerClock.VisitInterval / Slots;

    private readonly HashSet<ViewerConnection>[] _slots = [.. Enumerable.Range(0, Slots).Select(_ => new HashSet<ViewerConnection>())];
    private readonly Dictionary<long, PreparedFrame> _pings = [];
    private readonly LoopGuard _guard = guards["viewer timer wheel"];
    private readonly long _start = time.GetTimestamp();
    private long _ticks;

    /// <summary>Everybody on the wheel now.</summary>
    public IReadOnlyCollection<ViewerConnection> Viewers => [.. _slots.SelectMany(Copy)];

    public void Add(ViewerConnection viewer)
    {
        // The slot that was just visited: its turn comes again a whole revolution from now.
        viewer.Slot = (int)(((long)(time.GetElapsedTime(_start) / Tick) + Slots - 1) % Slots);
        var slot = _slots[viewer.Slot];
        lock (slot)
        {
            slot.Add(viewer);
        }
    }

    public void Remove(ViewerConnection viewer)
    {
        var slot = _slots[viewer.Slot];
        lock (slot)
        {
            slot.Remove(viewer);
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => _guard.RunEveryAsync(Tick, _ => TurnAsync(), stoppingToken);

    private Task TurnAsync()
    {
        // By the clock, not by counting: a pause that swallowed timer ticks must not slow the wheel.
        for (var due = (long)(time.GetElapsedTime(_start) / Tick); _ticks < due; _ticks++)
        {
            _pings.Clear();
            foreach (var viewer in Copy(_slots[_ticks % Slots]))
            {
                try
                {
                    Visit(viewer);
                }
                catch (Exception exception)
                {
                    _guard.Report(exception); // The others have deadlines too.
                }
            }
        }

        return Task.CompletedTask;
    }

    private void Visit(ViewerConnection viewer)
    {
        if (viewer.ShouldShed(options.Value.StallTimeout))
        {
            viewer.Close(ViewerClose.FellBehind());
        }

        if (viewer.Token.TakeWarning())
        {
            viewer.Send(PreparedFrame.Of(Notices.TokenExpiring(time.GetUtcNow())));
        }

        // To the second, since revocation relies on it, and the idle rule's window is shorter than a revolution.
        if (viewer.Token.Remaining < ViewerClock.VisitInterval)
        {
            CloseWhenExpired(viewer);
        }

        if (viewer.Clock.IdleIn < ViewerClock.VisitInterval)
        {
            CloseWhenIdle(viewer);
        }

        switch (viewer.Clock.OnTick())
        {
            case DueAction.Ping:
                viewer.Send(PingOf(viewer.Clock.Sequence));
                break;
            case DueAction.CountPingTimeout:
                metrics.PingTimeout();
                break;
        }
    }

    private void CloseWhenExpired(ViewerConnection viewer) => _guard.Start(async () =>
    {
        await DelayAsync(viewer.Token.Remaining);
        if (viewer.Token.Remaining <= TimeSpan.Zero) // Else it was renewed in the last moment.
        {
            viewer.Close(ViewerClose.TokenExpired, PreparedFrame.Of(Notices.TokenExpired(time.GetUtcNow())));
        }
    });

    private void CloseWhenIdle(ViewerConnection viewer) => _guard.Start(async () =>
    {
        await DelayAsync(viewer.Clock.IdleIn);
        if (viewer.Clock.IdleIn <= TimeSpan.Zero)
        {
            viewer.Close(ViewerClose.Idle);
        }
    });

    private Task DelayAsync(TimeSpan remaining) => remaining > TimeSpan.Zero ? Task.Delay(remaining, time) : Task.CompletedTask;

    /// <summary>Viewers who came together are at the same number and share the frame.</summary>
    private PreparedFrame PingOf(long sequence)
    {
        if (!_pings.TryGetValue(sequence, out var ping))
        {
            ping = PreparedFrame.Of(new Ping(sequence, time.GetUtcNow()));
            _pings.Add(sequence, ping);
        }

        return ping;
    }

    private static ViewerConnection[] Copy(HashSet<ViewerConnection> slot)
    {
        lock (slot)
        {
            return [.. slot];
        }
    }
}
