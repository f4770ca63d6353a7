using HdrHistogram;

namespace Nova.LoadTest.Generator;

/// <summary>
/// REST calls as a gateway's proxy makes them: a request takes an idle connection or opens another, one request on each. Beyond
/// <paramref name="maxConnections"/> requests wait here, and their wait counts: latency is the time from the intended call to its whole answer.
/// </summary>
internal sealed class RestPool(EventLoop loop, int port, int maxConnections) : IPublisher, IDisposable
{
    /// <summary>The status of calls whose connection ended without an answer.</summary>
    public const int NoAnswer = 0;

    private readonly List<RestConnection> _connections = [];
    private readonly Stack<RestConnection> _idle = [];
    private readonly Queue<(byte[] Request, long IntendedAt)> _waiting = [];
    private long _from = long.MaxValue;
    private long _to = long.MaxValue;

    public byte[] ReadBuffer { get; } = new byte[64 * 1024];

    /// <summary>Measured calls, answered or not.</summary>
    public long Measured { get; private set; }

    public long Answered { get; private set; }

    /// <summary>Answers to measured calls, by HTTP status.</summary>
    public SortedDictionary<int, long> Statuses { get; } = [];

    public LongHistogram Latencies { get; private set; } = Latency.NewHistogram();

    /// <summary>The first answer that was not a success, for messages.</summary>
    public string? FirstFailure { get; private set; }

    /// <summary>Calls intended from now on are measured.</summary>
    public void BeginWindow()
    {
        (_from, _to, Measured, Answered) = (EventLoop.Now, long.MaxValue, 0, 0);
        Statuses.Clear();
        Latencies = Latency.NewHistogram();
    }

    public void EndWindow() => _to = EventLoop.Now;

    /// <summary>Forgets calls that wait for a connection: a system that is far behind must not answer them after the test.</summary>
    public void DropWaiting() => _waiting.Clear();

    public void Send(ReadOnlySpan<byte> request, long intendedAt) => Send(request.ToArray(), intendedAt);

    /// <param name="request">Kept until it is sent.</param>
    /// <param name="intendedAt">When the schedule wanted it sent.</param>
    public void Send(byte[] request, long intendedAt)
    {
        if (IsMeasured(intendedAt))
        {
            Measured++;
        }

        if (_idle.TryPop(out var connection))
        {
            connection.Send(request, intendedAt);
        }
        else if (_connections.Count < maxConnections)
        {
            connection = new RestConnection(this, loop, port);
            _connections.Add(connection);
            connection.Send(request, intendedAt);
        }
        else
        {
            _waiting.Enqueue((request, intendedAt));
        }
    }

    public void OnAnswer(RestConnection connection, int status, long intendedAt, string text)
    {
        if (IsMeasured(intendedAt))
        {
            Answered++;
            Statuses[status] = Statuses.GetValueOrDefault(status) + 1;
            Latencies.RecordValue(Latency.Microseconds(EventLoop.Now - intendedAt));
        }

        if (status is < 200 or >= 300)
        {
            FirstFailure ??= text;
        }

        if (status == NoAnswer)
        {
            _connections.Remove(connection);
        }
        else if (_waiting.TryDequeue(out var next))
        {
            connection.Send(next.Request, next.IntendedAt);
        }
        else
        {
            _idle.Push(connection);
        }
    }

    /// <summary>An idle connection was closed by the server.</summary>
    public void OnClosed(RestConnection connection)
    {
        _connections.Remove(connection);
        var others = _idle.Where(idle => idle != connection).Reverse().ToList();
        _idle.Clear();
        others.ForEach(_idle.Push);
    }

    public void Dispose()
    {
        foreach (var connection in _connections)
        {
            connection.Close();
        }

        _connections.Clear();
    }

    private bool IsMeasured(long intendedAt) => intendedAt >= _from && intendedAt < _to;
}
