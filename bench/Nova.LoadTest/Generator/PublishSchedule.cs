namespace Nova.LoadTest.Generator;

/// <summary>Publishes at a steady rate, round robin over the streams. The loop is open: a slow system does not slow the schedule.</summary>
internal sealed class PublishSchedule(IPublisher publisher, IReadOnlyList<PublishRequest> streams, Publications publications, double perSecond)
    : ITicker
{
    private readonly double _interval = EventLoop.Second / perSecond;
    private long _startedAt;
    private long _sent;

    public long DueAt { get; private set; } = long.MaxValue;

    public void Start()
    {
        _startedAt = DueAt = EventLoop.Now;
        _sent = 0;
    }

    public void Stop() => DueAt = long.MaxValue;

    public void Fire(long now)
    {
        while (DueAt <= now)
        {
            var sequence = publications.Add(DueAt);
            publisher.Send(streams[(int)(sequence % streams.Count)].WithNumber(sequence), DueAt);
            DueAt = _startedAt + (long)(++_sent * _interval); // Computed from the start, so that rounding errors do not add up.
        }
    }
}
