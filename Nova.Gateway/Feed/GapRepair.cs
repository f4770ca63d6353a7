using System.Threading.Channels;
using Nova.Protocol;
using Nova.ServiceDefaults;

namespace Nova.Gateway.Feed;

/// <summary>
/// Gets the snapshot that closes a gap, beside the feed and not in it: while StreamState cannot be asked, counts and bitrates go on. One read
/// at a time however many gaps are seen meanwhile. Used by the feed's loop only.
/// </summary>
internal sealed class GapRepair(
    Guid streamId, SnapshotClient snapshots, ChannelWriter<FeedItem> feed, GatewayMetrics metrics, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private Task _reading = Task.CompletedTask;
    private bool _isReading;
    private long _wantedByReading;
    private long _wanted;
    private StreamEvent? _missed;

    /// <param name="missed">The event that showed the gap.</param>
    public void Request(string cause, long atLeastVersion, StreamEvent? missed)
    {
        metrics.Resync(cause);
        _wanted = Math.Max(_wanted, atLeastVersion);
        _missed = missed ?? _missed;
        if (!_isReading)
        {
            Start();
        }
    }

    /// <summary>
    /// Takes note of the snapshot that was read; it must go to the room next. Returns the event that showed the gap if the snapshot does not
    /// have it any more: an error that no longer holds is not in it, and viewers are to be told all the same.
    /// </summary>
    public StreamEvent? Settle(StreamSnapshot snapshot)
    {
        _isReading = false;
        var missed = _missed is { } last && last.Version == snapshot.Version && snapshot.Events.All(recent => recent.Version != last.Version) ? last : null;
        if (snapshot.Version < _wantedByReading)
        {
            metrics.FeedIgnored("garbage"); // A version that StreamState never gave.
        }

        if (snapshot.Version < _wanted && _wanted > _wantedByReading)
        {
            Start(); // A later gap was seen after the read had begun.
        }
        else
        {
            _wanted = 0;
            _missed = null;
        }

        return missed;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _reading;
        _stop.Dispose();
    }

    private void Start()
    {
        _isReading = true;
        _wantedByReading = _wanted;
        _reading = ReadAsync();
    }

    private async Task ReadAsync()
    {
        for (var attempt = 0; !_stop.IsCancellationRequested; attempt++)
        {
            try
            {
                var snapshot = await snapshots.ReadAsync(streamId, _stop.Token);
                feed.TryWrite(new FeedItem.Snapshot(snapshot));
                return;
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception)
            {
                logger.SnapshotUnavailable(streamId, exception.Message);
            }

            await Task.Delay(Backoff.Next(attempt), time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
