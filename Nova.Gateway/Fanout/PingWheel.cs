using Microsoft.Extensions.Options;
using Nova.Gateway.Viewers;
using Nova.Protocol;

namespace Nova.Gateway.Fanout;

/// <summary>
/// One timer for every viewer's pings and deadlines: a wheel that turns once per <see cref="ViewerClock.VisitInterval"/>. A viewer keeps
/// the slot it came in, which spreads the work as the connects were spread.
/// </summary>
internal sealed class PingWheel(IOptions<GatewayOptions> options, GatewayMetrics metrics, TimeProvider time) : BackgroundService
{
    private const int Slots = 20;

    private static readonly TimeSpan Tick = ViewerClock.VisitInterval / Slots;

    private readonly HashSet<ViewerConnection>[] _slots = [.. Enumerable.Range(0, Slots).Select(_ => new HashSet<ViewerConnection>())];
    private readonly Dictionary<long, PreparedFrame> _pings = [];
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
        _pings.Clear();
        foreach (var viewer in Copy(slot))
        {
            if (viewer.IsUseless(options.Value.StallTimeout))
            {
                viewer.Close(CloseCode.TryAgainLater, $"fell behind, retry_after_ms={Random.Shared.Next(1000, 5000)}");
            }

            VisitToken(viewer);
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

    private void VisitToken(ViewerConnection viewer)
    {
        if (viewer.Token.TakeWarning())
        {
            viewer.Send(PreparedFrame.Of(new ErrorMessage(
                ErrorCodes.Unauthorized, "The token is about to expire", ErrorSeverity.Warning, Recoverable: true,
                "Send refresh_token, or reconnect with a new token", time.GetUtcNow())));
        }

        if (viewer.Token.Remaining < ViewerClock.VisitInterval)
        {
            _ = ExpireAsync(viewer); // Before the next visit: to the second, since revocation relies on it.
        }
    }

    private async Task ExpireAsync(ViewerConnection viewer)
    {
        var remaining = viewer.Token.Remaining;
        if (remaining > TimeSpan.Zero)
        {
            await Task.Delay(remaining, time);
        }

        if (viewer.Token.Remaining <= TimeSpan.Zero) // Else it was renewed in the last moment.
        {
            viewer.Close(CloseCode.TokenExpired, "token expired", PreparedFrame.Of(new ErrorMessage(
                ErrorCodes.Unauthorized, "The token has expired", ErrorSeverity.Critical, Recoverable: false, "Reconnect with a new token", time.GetUtcNow())));
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

    private static ViewerConnection[] Copy(HashSet<ViewerConnection> slot)
    {
        lock (slot)
        {
            return [.. slot];
        }
    }
}
