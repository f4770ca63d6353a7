using Nova.Protocol;
using Nova.Protocol.Live;
using Nova.ServiceDefaults.Background;

namespace Nova.Gateway.Feed;

/// <summary>
/// Gets the snapshot that closes a gap, beside the feed and not in it: while StreamState cannot be asked, counts and bitrates go on. One read
/// at a time however many gaps are seen meanwhile. Used in the feed's turn only, but for the reading itself.
/// </summary>
/// <param name="apply">Takes the snapshot in the feed's turn, and calls <see cref="OnSnapshot"/> in it; null where the stream is gone.</param>
internal sealed class GapRepair(Guid streamId, Func<StreamSnapshot?, Task> apply, FeedDependencies dependencies) : IAsyncDisposable
{
    /// <summary>Events kept while the snapshot is read. Beyond, the oldest go: what they changed is in the snapshot.</summary>
    private const int Capacity = 100;

    private readonly CancellationTokenSource _stop = new();
    private readonly SortedDictionary<long, StreamEvent> _beforeRead = [];
    private readonly SortedDictionary<long, StreamEvent> _duringRead = [];
    private Task _reading = Task.CompletedTask;
    private bool _isReading;
    private bool _isWanted;

    /// <param name="early">The event that showed the gap: it has come before others that are missing.</param>
    public void Request(ResyncCause cause, StreamEvent? early = null)
    {
        dependencies.Metrics.Resync(cause);
        if (early is not null)
        {
            _duringRead[early.Version] = early;
            if (_duringRead.Count > Capacity)
            {
                _duringRead.Remove(_duringRead.Keys.First());
            }
        }

        _isWanted = true;
        if (!_isReading)
        {
            Start();
        }
    }

    /// <summary>
    /// A snapshot was read. Returns the events that came early and that it covers, and those to try again now; both in version order.
    /// </summary>
    public (IReadOnlyList<StreamEvent> Covered, IReadOnlyList<StreamEvent> Later) OnSnapshot(StreamSnapshot? snapshot)
    {
        _isReading = false;
        var version = snapshot?.Version ?? long.MaxValue;
        var covered = _beforeRead.Values.Concat(_duringRead.Values).Where(early => early.Version <= version).OrderBy(early => early.Version).ToList();
        var later = _duringRead.Values.Where(early => early.Version > version).ToList();
        for (var forged = _beforeRead.Keys.Count(early => early > version); forged > 0; forged--)
        {
            dependencies.Metrics.FeedIgnored(FeedIgnored.Garbage); // A version that StreamState never gave.
        }

        _beforeRead.Clear();
        _duringRead.Clear();
        if (_isWanted && later.Count == 0 && snapshot is not null)
        {
            Start(); // Asked for again after the read had begun.
        }

        return (covered, later);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _reading;
        _stop.Dispose();
    }

    private void Start()
    {
        (_isReading, _isWanted) = (true, false);
        foreach (var (version, early) in _duringRead)
        {
            _beforeRead[version] = early;
        }

        _duringRead.Clear();
        _reading = ReadAsync();
    }

    private async Task ReadAsync()
    {
        await Task.Yield(); // Out of the feed's turn.
        for (var attempt = 0; !_stop.IsCancellationRequested; attempt++)
        {
            try
            {
                await apply(await dependencies.Snapshots.ReadForRepairAsync(streamId, _stop.Token));
                return;
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception)
            {
                dependencies.Guard.Report(exception);
            }

            await Task.Delay(Backoff.Next(attempt), dependencies.Time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
