namespace Nova.StreamState.Outbox;

/// <summary>Wakes the relay of a partition: from this process directly, from another one by the notification of its transaction.</summary>
internal sealed class OutboxSignals
{
    private readonly SemaphoreSlim[] _signals = [.. Enumerable.Range(0, OutboxTable.Partitions).Select(_ => new SemaphoreSlim(0))];

    public void Wake(int partition)
    {
        var signal = _signals[partition];
        if (signal.CurrentCount == 0) // One is enough: the relay takes all there is.
        {
            signal.Release();
        }
    }

    public Task WaitAsync(int partition, TimeSpan atMost, CancellationToken cancellationToken) => _signals[partition].WaitAsync(atMost, cancellationToken);
}
