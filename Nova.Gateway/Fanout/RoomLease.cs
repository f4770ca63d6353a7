using Nova.Gateway.Feed;

namespace Nova.Gateway.Fanout;

/// <summary>Keeps a stream's feed open.</summary>
internal sealed class RoomLease(RoomDirectory rooms, RoomDirectory.Entry entry, StreamFeed feed) : IDisposable
{
    private int _isReleased;

    public StreamFeed Feed => feed;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isReleased, 1) == 0)
        {
            rooms.Release(entry);
        }
    }
}
