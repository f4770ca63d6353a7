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

    /// <returns>Whether there is room; who entered has to <see cref="Leave"/>.</returns>
    public bool TryEnter()
    {
        if (_draining)
        {
            return false;
        }

        if (Interlocked.Increment(ref _open) > options.Value.MaxConnections)
        {
            Leave();
            return false;
        }

        return true;
    }

    public void Leave() => Interlocked.Decrement(ref _open);
}
