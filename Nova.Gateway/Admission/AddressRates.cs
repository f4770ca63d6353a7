using System.Net;
using Microsoft.Extensions.Options;
using Nova.Gateway.Viewers;

namespace Nova.Gateway.Admission;

/// <summary>One rate for every client address. Those that are at rest are forgotten, so memory follows who is active.</summary>
internal abstract class AddressRates(Rate rate, TimeProvider time)
{
    /// <summary>More at once than this are not remembered one by one; the oldest are the ones to forget.</summary>
    private const int MaxAddresses = 100_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, RateLimit> _limits = [];
    private int _sweepAt = 1024;

    /// <summary>How many addresses are in memory.</summary>
    public int Remembered
    {
        get
        {
            lock (_lock)
            {
                return _limits.Count;
            }
        }
    }

    /// <param name="address">Null is not limited.</param>
    /// <param name="wait">If refused: until one would be allowed.</param>
    public bool TryTake(IPAddress? address, out TimeSpan wait)
    {
        wait = TimeSpan.Zero;
        if (address is null)
        {
            return true;
        }

        lock (_lock)
        {
            var now = time.GetTimestamp();
            if (_limits.Count >= _sweepAt)
            {
                Sweep(now);
            }

            var limit = _limits.GetValueOrDefault(address);
            var allowed = limit.TryTake(rate, now, time, 1, out wait);
            _limits[address] = limit;
            return allowed;
        }
    }

    private void Sweep(long now)
    {
        foreach (var (address, limit) in _limits)
        {
            if (limit.IsFull(now))
            {
                _limits.Remove(address);
            }
        }

        if (_limits.Count >= MaxAddresses)
        {
            _limits.Clear(); // Beginning anew allows each of them one more burst, and costs less than keeping them in order.
        }

        _sweepAt = Math.Max(1024, _limits.Count * 2);
    }
}

/// <summary>Of attempts to open a socket.</summary>
internal sealed class UpgradeRates(IOptions<GatewayOptions> options, TimeProvider time)
    : AddressRates(new Rate(options.Value.UpgradesPerSecond, options.Value.UpgradesBurst), time);

/// <summary>Of REST calls.</summary>
internal sealed class RequestRates(IOptions<GatewayOptions> options, TimeProvider time)
    : AddressRates(new Rate(options.Value.RequestsPerSecond, options.Value.RequestsBurst), time);
