namespace Nova.LoadTest.Generator;

/// <summary>Where a schedule's events go: one pipelined connection, or a pool of connections with a request each.</summary>
internal interface IPublisher
{
    /// <param name="request">Reused by the caller after the call.</param>
    /// <param name="intendedAt">When the schedule wanted it sent.</param>
    void Send(ReadOnlySpan<byte> request, long intendedAt);
}
