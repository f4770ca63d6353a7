using Microsoft.Extensions.Options;
using Nova.ServiceDefaults.Background;
using Nova.StreamState.Streams;

namespace Nova.StreamState.Ingest;

/// <summary>
/// When measurements that were held back may leave. The measurement itself is in Redis; the replica that held it back first keeps the time. Where that
/// replica dies, the next measurement takes its place.
/// </summary>
internal sealed class HeldBitrates(IServiceProvider services, IOptions<StreamStateOptions> options, LoopGuards guards, TimeProvider time) : BackgroundService
{
    /// <summary>Calls that are made together.</summary>
    private const int Burst = 500;

    private readonly Lock _lock = new();
    private readonly PriorityQueue<StreamRecord, long> _held = new();

    public void Add(StreamRecord stream, TimeSpan dueIn)
    {
        lock (_lock)
        {
            _held.Enqueue(stream, time.GetTimestamp() + (long)(dueIn.TotalSeconds * time.TimestampFrequency));
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        guards["held bitrates"].RunEveryAsync(options.Value.IngestCheckInterval, PublishDueAsync, stoppingToken);

    private async Task PublishDueAsync(CancellationToken cancellationToken)
    {
        var signals = services.GetRequiredService<IngestSignals>(); // Which knows this class.
        while (TakeDue() is { Count: > 0 } due)
        {
            await Task.WhenAll(due.Select(stream => signals.PublishHeldAsync(stream, cancellationToken)));
        }
    }

    private List<StreamRecord> TakeDue()
    {
        List<StreamRecord> due = [];
        lock (_lock)
        {
            while (due.Count < Burst && _held.TryPeek(out _, out var at) && at <= time.GetTimestamp())
            {
                due.Add(_held.Dequeue());
            }
        }

        return due;
    }
}
