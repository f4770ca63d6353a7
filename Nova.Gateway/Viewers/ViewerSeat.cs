using System.Net;
using Nova.Gateway.Fanout;
using Nova.Gateway.Feed;
using Nova.Gateway.Trust;

namespace Nova.Gateway.Viewers;

/// <summary>A viewer's place: the stream it watches is held open for it, and it counts among the gateway's connections.</summary>
internal sealed class ViewerSeat(RoomLease lease, Admission admission, IPAddress? address, Guid viewerId) : IDisposable
{
    private int _isLeft;

    public StreamFeed Feed => lease.Feed;

    public Guid ViewerId => viewerId;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isLeft, 1) == 0)
        {
            admission.Leave(address, viewerId);
            lease.Dispose();
        }
    }
}
