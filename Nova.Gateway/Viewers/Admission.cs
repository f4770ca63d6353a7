using Microsoft.Extensions.Options;

namespace Nova.Gateway.Viewers;

/// <summary>How many viewers this gateway has, and whether it takes more.</summary>
internal sealed class Admission(IOptions<GatewayOptions> options)
{
    private int _open;
    private volatile bool _draining;

    public int Open => Volatile.Read(ref _open);

    public bool IsDraining => _draining;

    public void Drain() => _draining = true;

    /// <returns>A seat, to be disposed when the viewer has gone; null where there is none.</returns>
    public IDisposable? TryEnter()
    {
        if (_draining)
        {
            return null;
        }

        if (Interlocked.Increment(ref _open) > options.Value.MaxConnections)
        {
            Interlocked.Decrement(ref _open);
            return null;
        }

        return new Seat(this);
    }

    private sealed class Seat(Admission admission) : IDisposable
    {
        public void Dispose() => Interlocked.Decrement(ref admission._open);
    }
}
