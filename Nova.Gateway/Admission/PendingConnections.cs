using System.Net;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Options;

namespace Nova.Gateway.Admission;

/// <summary>
/// Connections that are not, or not yet, a viewer's, by client address. Without it one address with 10,000 silent sockets keeps everybody else out,
/// since Kestrel's own limit is one for all.
/// </summary>
internal sealed class PendingConnections(IOptions<GatewayOptions> options, ClientNetworks networks)
{
    private readonly int _limit = options.Value.MaxPendingConnectionsPerAddress;
    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, int> _byAddress = [];

    /// <summary>Connection middleware: refuses what is too much, counts the rest until it ends or <see cref="Slot.Release"/> is called.</summary>
    public async Task RunAsync(ConnectionDelegate next, ConnectionContext connection)
    {
        if (networks.OfPeer(connection.RemoteEndPoint) is not { } address)
        {
            await next(connection);
            return;
        }

        if (!TryEnter(address))
        {
            connection.Abort();
            return;
        }

        var slot = new Slot(this, address);
        connection.Features.Set(slot);
        try
        {
            await next(connection);
        }
        finally
        {
            slot.Release();
        }
    }

    private bool TryEnter(IPAddress address)
    {
        lock (_lock)
        {
            ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(_byAddress, address, out _);
            if (count >= _limit)
            {
                return false;
            }

            count++;
            return true;
        }
    }

    private void Leave(IPAddress address)
    {
        lock (_lock)
        {
            if (--CollectionsMarshal.GetValueRefOrAddDefault(_byAddress, address, out _) <= 0)
            {
                _byAddress.Remove(address);
            }
        }
    }

    internal sealed class Slot(PendingConnections connections, IPAddress address)
    {
        private int _isReleased;

        /// <summary>The connection is a viewer's now, which other limits hold.</summary>
        public void Release()
        {
            if (Interlocked.Exchange(ref _isReleased, 1) == 0)
            {
                connections.Leave(address);
            }
        }
    }
}
