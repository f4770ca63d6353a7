using System.Net;
using Nova.Gateway.Feed;

namespace Nova.Gateway.Admission;

/// <summary>A viewer's place: the stream it watches is held open for it, and it counts among the gateway's connections.</summary>
internal sealed class ViewerSeat(RoomDirectory.RoomLease lease, AdmissionControl admission, IPAddress? address, Guid viewerId) : IDisposable
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
