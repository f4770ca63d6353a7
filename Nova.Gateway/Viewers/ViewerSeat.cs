using Nova.Gateway.Fanout;
using Nova.Gateway.Feed;

namespace Nova.Gateway.Viewers;

/// <summary>A viewer's place: the stream it watches is held open for it, and it counts among the gateway's connections.</summary>
internal sealed class ViewerSeat(RoomLease lease, Admission admission) : IDisposable
{
    private int _isLeft;

    public StreamFeed Feed => lease.Feed;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isLeft, 1) == 0)
        {
            admission.Leave();
            lease.Dispose();
        }
    }
}
