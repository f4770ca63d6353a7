using System.Net;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Options;

namespace Nova.Gateway.Admission;

/// <summary>How many sockets this gateway has, whose they are, and whether it takes one more.</summary>
internal sealed class AdmissionControl(IOptions<GatewayOptions> options, FileDescriptors descriptors)
{
    private readonly GatewayOptions _options = options.Value;
    private readonly int _capacity = descriptors.Capacity;
    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, int> _byAddress = [];
    private readonly Dictionary<Guid, int> _byViewer = [];
    private int _open;
    private volatile bool _draining;

    public int Open => Volatile.Read(ref _open);

    public bool IsDraining => _draining;

    public void Drain() => _draining = true;

    /// <param name="address">Null for a client that is not limited.</param>
    /// <returns>Whether there is room; who entered has to <see cref="Leave"/>.</returns>
    public AdmissionResult TryEnter(IPAddress? address, Guid viewerId)
    {
        if (_draining)
        {
            return AdmissionResult.Draining;
        }

        if (Interlocked.Increment(ref _open) > _capacity)
        {
            Interlocked.Decrement(ref _open);
            return AdmissionResult.AtCapacity;
        }

        var result = address is null ? AdmissionResult.Entered : TryCount(address, viewerId);
        if (result != AdmissionResult.Entered)
        {
            Interlocked.Decrement(ref _open);
        }

        return result;
    }

    public void Leave(IPAddress? address, Guid viewerId)
    {
        Interlocked.Decrement(ref _open);
        if (address is not null)
        {
            lock (_lock)
            {
                Release(_byAddress, address);
                Release(_byViewer, viewerId);
            }
        }
    }

    private AdmissionResult TryCount(IPAddress address, Guid viewerId)
    {
        lock (_lock)
        {
            if (_byViewer.GetValueOrDefault(viewerId) >= _options.MaxConnectionsPerViewer)
            {
                return AdmissionResult.TooManyOfViewer;
            }

            if (_byAddress.GetValueOrDefault(address) >= _options.MaxConnectionsPerAddress)
            {
                return AdmissionResult.TooManyOfAddress;
            }

            CollectionsMarshal.GetValueRefOrAddDefault(_byViewer, viewerId, out _)++;
            CollectionsMarshal.GetValueRefOrAddDefault(_byAddress, address, out _)++;
            return AdmissionResult.Entered;
        }
    }

    private static void Release<TKey>(Dictionary<TKey, int> counts, TKey key)
        where TKey : notnull
    {
        if (--CollectionsMarshal.GetValueRefOrAddDefault(counts, key, out _) <= 0)
        {
            counts.Remove(key);
        }
    }
}

internal enum AdmissionResult
{
    Entered,
    Draining,
    AtCapacity,
    TooManyOfViewer,
    TooManyOfAddress,
}
