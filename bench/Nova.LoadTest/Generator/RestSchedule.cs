namespace Nova.LoadTest.Generator;

/// <summary>Makes calls at a steady rate, round robin over the requests. The loop is open: a slow system does not slow the schedule.</summary>
internal sealed class RestSchedule(RestPool pool, IReadOnlyList<byte[]> requests, double perSecond) : ITicker
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
            pool.Send(requests[(int)(_sent % requests.Count)], DueAt);
            DueAt = _startedAt + (long)(++_sent * _interval);
        }
    }
}
