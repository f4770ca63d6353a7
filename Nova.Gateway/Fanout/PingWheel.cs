using Nova.Gateway.Viewers;
using Nova.Protocol;

namespace Nova.Gateway.Fanout;

/// <summary>
/// One timer for every viewer's pings and deadlines: a wheel that turns once per <see cref="ViewerClock.VisitInterval"/>. A viewer keeps
/// the slot it came in, which spreads the work as the connects were spread.
/// </summary>
internal sealed class PingWheel(GatewayMetrics metrics, TimeProvider time) : BackgroundService
{
    private const int Slots = 20;

    private static readonly TimeSpan Tick = ViewerClock.VisitInterval / Slots;

    private readonly HashSet<ViewerConnection>[] _slots = [.. Enumerable.Range(0, Slots).Select(_ => new HashSet<ViewerConnection>())];
    private readonly Dictionary<long, PreparedFrame> _pings = [];
    private readonly long _start = time.GetTimestamp();
    private long _ticks;

    /// <returns>Takes the viewer off the wheel.</returns>
    public IDisposable Add(ViewerConnection viewer)
    {
        // The slot that was just visited: its turn comes again a whole revolution from now.
        var slot = _slots[((long)(time.GetElapsedTime(_start) / Tick) + Slots - 1) % Slots];
        lock (slot)
        {
            slot.Add(viewer);
        }

        return new Removal(slot, viewer);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Tick, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            // By the clock, not by counting: a pause that swallowed timer ticks must not slow the wheel.
            for (var due = (long)(time.GetElapsedTime(_start) / Tick); _ticks < due; _ticks++)
            {
                Visit(_slots[_ticks % Slots]);
            }
        }
    }

    private void Visit(HashSet<ViewerConnection> slot)
    {
        ViewerConnection[] viewers;
        lock (slot)
        {
            viewers = [.. slot];
        }

        _pings.Clear();
        foreach (var viewer in viewers)
        {
            switch (viewer.Clock.Visit())
            {
                case ClockVisit.Ping:
                    viewer.Send(PingOf(viewer.Clock.Sequence));
                    break;
                case ClockVisit.PingTimeout:
                    metrics.PingTimeout();
                    break;
                case ClockVisit.Idle:
                    viewer.Close(CloseCode.IdleTimeout, "no message for 60 s");
                    break;
            }
        }
    }

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

    private sealed class Removal(HashSet<ViewerConnection> slot, ViewerConnection viewer) : IDisposable
    {
        public void Dispose()
        {
            lock (slot)
            {
                slot.Remove(viewer);
            }
        }
    }
}
