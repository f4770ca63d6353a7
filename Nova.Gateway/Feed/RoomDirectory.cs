using Microsoft.Extensions.Options;
using Nova.ServiceDefaults.Background;

namespace Nova.Gateway.Feed;

/// <summary>
/// The streams this gateway serves. The first viewer of a stream opens its feed, however many come together; the last one to go leaves it
/// open for a while. Unknown ids are remembered briefly, so that guessing them costs StreamState little.
/// </summary>
internal sealed class RoomDirectory(
    StreamFeedFactory feeds, IOptions<GatewayOptions> options, LoopGuards guards, TimeProvider time) : BackgroundService
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, Entry> _entries = [];

    /// <returns>The stream's feed, held open until the lease is disposed; null where there is no such stream.</returns>
    /// <exception cref="StreamStateUnavailableException">Whether it exists cannot be found out now.</exception>
    public async Task<RoomLease?> OpenAsync(Guid streamId, CancellationToken cancellationToken)
    {
        Entry? entry;
        lock (_lock)
        {
            if (!_entries.TryGetValue(streamId, out entry))
            {
                entry = new Entry(feeds.OpenAsync(streamId));
                _entries.Add(streamId, entry);
            }

            entry.Leases++;
        }

        try
        {
            if (await entry.Feed.WaitAsync(cancellationToken) is { IsGone: false } feed)
            {
                return new RoomLease(this, entry, feed);
            }

            Release(entry);
            return null;
        }
        catch (OperationCanceledException)
        {
            Release(entry);
            throw;
        }
        catch
        {
            Forget(streamId, entry);
            throw;
        }
    }

    /// <summary>Every open feed.</summary>
    public IReadOnlyList<StreamFeed> Feeds
    {
        get
        {
            lock (_lock)
            {
                return [.. _entries.Values.Where(entry => entry.Feed is { IsCompletedSuccessfully: true, Result: not null }).Select(entry => entry.Feed.Result!)];
            }
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        guards["room directory"].RunEveryAsync(TimeSpan.FromSeconds(1), _ => CloseExpiredAsync(), stoppingToken);

    private async Task CloseExpiredAsync()
    {
        foreach (var feed in TakeExpired())
        {
            try
            {
                await feed.DisposeAsync();
            }
            catch (Exception exception)
            {
                guards["room directory"].Report(exception); // The others are to be closed as well.
            }
        }
    }

    /// <summary>Opening failed: the next viewer asks again. Of many who waited for it only the first finds this entry still there.</summary>
    private void Forget(Guid streamId, Entry entry)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue(streamId, out var current) && ReferenceEquals(current, entry))
            {
                _entries.Remove(streamId);
            }
        }
    }

    private void Release(Entry entry)
    {
        lock (_lock)
        {
            entry.Leases--;
            entry.IdleSince = time.GetTimestamp();
        }
    }

    private List<StreamFeed> TakeExpired()
    {
        List<StreamFeed> expired = [];
        lock (_lock)
        {
            foreach (var (streamId, entry) in _entries.Where(pair => pair.Value is { Leases: 0, Feed.IsCompleted: true }).ToList())
            {
                var feed = entry.Feed.IsCompletedSuccessfully ? entry.Feed.Result : null;
                if (time.GetElapsedTime(entry.IdleSince) < (feed is { IsGone: false } ? options.Value.RoomLinger : options.Value.UnknownStreamLinger))
                {
                    continue;
                }

                _entries.Remove(streamId);
                if (feed is not null)
                {
                    expired.Add(feed);
                }
            }
        }

        return expired;
    }

    /// <summary>Keeps a stream's feed open.</summary>
    internal sealed class RoomLease(RoomDirectory rooms, Entry entry, StreamFeed feed) : IDisposable
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

    internal sealed class Entry(Task<StreamFeed?> feed)
    {
        public Task<StreamFeed?> Feed { get; } = feed;

        public int Leases { get; set; }

        public long IdleSince { get; set; }
    }
}
