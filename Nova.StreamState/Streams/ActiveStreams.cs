using Microsoft.Extensions.Caching.Memory;
using Nova.Protocol;

namespace Nova.StreamState.Streams;

/// <summary>
/// Streams that are on, as last read: heartbeats and measurements come every second and need not ask Postgres each time. That a stream has changed since
/// says its hash in Redis.
/// </summary>
internal sealed class ActiveStreams(StreamQueries queries) : IDisposable
{
    /// <summary>Postgres may be away for as long, in a failover for example, and measurements are still accepted.</summary>
    private static readonly TimeSpan KeptFor = TimeSpan.FromMinutes(1);

    private readonly MemoryCache _streams = new(new MemoryCacheOptions { SizeLimit = 200_000 });

    /// <summary>The stream; null where there is none. One that is not on is read each time.</summary>
    public async ValueTask<StreamRecord?> FindAsync(Guid streamId, CancellationToken cancellationToken)
    {
        if (_streams.TryGetValue(streamId, out Task<StreamRecord?>? cached) && !cached!.IsFaulted && !cached.IsCanceled)
        {
            return await cached.WaitAsync(cancellationToken); // Many who ask at once share one read.
        }

        var reading = queries.FindAsync(streamId, CancellationToken.None);
        _ = _streams.Set(streamId, reading, new MemoryCacheEntryOptions { AbsoluteExpirationRelativeToNow = KeptFor, Size = 1 });
        try
        {
            var stream = await reading.WaitAsync(cancellationToken);
            if (stream?.Status != StreamStatus.Active)
            {
                Forget(streamId);
            }

            return stream;
        }
        catch
        {
            Forget(streamId);
            throw;
        }
    }

    public void Forget(Guid streamId) => _streams.Remove(streamId);

    public void Dispose() => _streams.Dispose();
}
