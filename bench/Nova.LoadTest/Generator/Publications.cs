namespace Nova.LoadTest.Generator;

/// <summary>The intended time of each numbered event, and which events are measured.</summary>
internal sealed class Publications
{
    private long[] _intended = new long[1 << 16];
    private long _from = long.MaxValue;
    private long _to = long.MaxValue;

    public long Count { get; private set; }

    /// <summary>The number of measured events so far.</summary>
    public long Measured => Math.Max(0, Math.Min(Count, _to) - Math.Min(Count, _from));

    public long Add(long intendedAt)
    {
        if (Count == _intended.Length)
        {
            Array.Resize(ref _intended, _intended.Length * 2);
        }

        _intended[Count] = intendedAt;
        return Count++;
    }

    /// <summary>Starts the measured window: later events are measured.</summary>
    public void BeginWindow() => (_from, _to) = (Count, long.MaxValue);

    /// <summary>Ends the measured window: later events are not measured.</summary>
    public void EndWindow() => _to = Count;

    public bool IsMeasured(long sequence) => sequence >= _from && sequence < _to;

    public long IntendedAt(long sequence) => (ulong)sequence < (ulong)Count
        ? _intended[sequence]
        : throw new LoadTestException($"A viewer received event {sequence}, but only {Count} were published: another publisher is publishing on this stream.");
}
