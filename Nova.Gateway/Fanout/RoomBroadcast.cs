using System.Collections.Immutable;
using System.Threading.Tasks.Sources;
using Nova.Gateway.Frames;
using Nova.Gateway.Viewers;
using Nova.ServiceDefaults.Background;

namespace Nova.Gateway.Fanout;

/// <summary>
/// Brings a room's frames to its viewers, a pass over all of them at a time. A small room is done where it stands; a large one by every core,
/// each taking the next bucket when it is through with one, and between buckets other work that waits gets its turn.
/// </summary>
/// <remarks>
/// The room's lock guards who is in which bucket and the numbering. Only the room's feed adds frames and flushes. A viewer that joins while
/// a pass is under way is not sent what it joined with, since its number is that of the newest frame.
/// </remarks>
internal sealed class RoomBroadcast(GatewayMetrics metrics, LoopGuard guard) : IThreadPoolWorkItem, IValueTaskSource
{
    private readonly FrameBatch _batch = new();
    private ImmutableArray<ViewerBucket> _buckets = [new()];
    private ImmutableArray<ViewerBucket> _passing = [];
    private ManualResetValueTaskSourceCore<bool> _done;
    private int _next;
    private int _workers;
    private long _frames;
    private long _bytes;
    private ViewerClose? _end;

    /// <summary>Number of the newest frame.</summary>
    public long Number { get; private set; }

    public int Viewers { get; private set; }

    public bool IsFull => _batch.IsFull;

    public ImmutableArray<ViewerBucket> Buckets => _buckets;

    public void Join(ViewerConnection viewer)
    {
        var bucket = _buckets.FirstOrDefault(bucket => bucket.Viewers.Length < ViewerBucket.Capacity);
        if (bucket is null)
        {
            bucket = new ViewerBucket();
            _buckets = _buckets.Add(bucket);
        }

        bucket.Add(viewer);
        viewer.Bucket = bucket;
        Viewers++;
    }

    public bool Leave(ViewerConnection viewer)
    {
        if (viewer.Bucket?.Remove(viewer) != true)
        {
            return false;
        }

        if (viewer.Bucket.Viewers.Length == 0 && _buckets.Length > 1)
        {
            _buckets = _buckets.Remove(viewer.Bucket);
        }

        Viewers--;
        return true;
    }

    public void Add(PreparedFrame frame) => _batch.Add(frame, ++Number);

    /// <summary>Nothing follows this frame: the pass that sends it closes every viewer.</summary>
    public void End(PreparedFrame frame, ViewerClose close)
    {
        Add(frame);
        _end = close;
    }

    /// <summary>Sends what was added.</summary>
    public ValueTask FlushAsync()
    {
        var buckets = _buckets;
        if (_batch.IsEmpty)
        {
            return default;
        }

        if (buckets.Length == 1)
        {
            Send(buckets[0]);
            EndPass();
            return default;
        }

        _passing = buckets;
        _next = 0;
        _workers = Math.Min(buckets.Length, Environment.ProcessorCount);
        _done.Reset();
        var pass = new ValueTask(this, _done.Version);
        for (var helpers = _workers - 1; helpers > 0; helpers--)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }

        Work();
        return pass;
    }

    void IThreadPoolWorkItem.Execute() => Work();

    private void Work()
    {
        do
        {
            var mine = Interlocked.Increment(ref _next) - 1;
            if (mine >= _passing.Length)
            {
                if (Interlocked.Decrement(ref _workers) == 0)
                {
                    EndPass();
                    _done.SetResult(true);
                }

                return;
            }

            Send(_passing[mine]);
        }
        while (ThreadPool.PendingWorkItemCount == 0);

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false); // Behind what waits: pongs, reports, other streams.
    }

    void IValueTaskSource.GetResult(short token) => _done.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _done.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _done.OnCompleted(continuation, state, token, flags);

    private void Send(ViewerBucket bucket)
    {
        var (frames, bytes) = (0L, 0L);
        foreach (var viewer in bucket.Viewers)
        {
            try
            {
                var (sentFrames, sentBytes) = viewer.Send(_batch);
                frames += sentFrames;
                bytes += sentBytes;
                if (_end is { } close)
                {
                    viewer.Close(close);
                }
            }
            catch (Exception exception)
            {
                guard.Report(exception); // One viewer's fault is not the others', nor the feed's.
                viewer.Abort();
            }
        }

        Interlocked.Add(ref _frames, frames);
        Interlocked.Add(ref _bytes, bytes);
    }

    private void EndPass()
    {
        metrics.Written(_frames, _bytes);
        (_frames, _bytes) = (0, 0);
        _batch.Clear();
        _end = null;
    }
}
