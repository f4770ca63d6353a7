using Microsoft.Extensions.Time.Testing;
using Nova.Gateway.Viewers;

namespace Nova.Tests.Gateway;

public sealed class ViewerClockTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly ViewerClock _clock;

    public ViewerClockTests()
    {
        _clock = new ViewerClock(_time);
    }

    [Fact]
    public void Visit_EveryFiveSeconds_PingsEveryThirtyCountingFromOne()
    {
        List<(double At, long Sequence)> pings = [];
        for (var second = 5; second <= 125; second += 5)
        {
            _clock.Heard();
            if (VisitAfterFiveSeconds() == ClockVisit.Ping)
            {
                pings.Add((second, _clock.Sequence));
            }
        }

        Assert.Equal([(30, 1), (60, 2), (90, 3), (120, 4)], pings);
    }

    [Fact]
    public void Visit_SixtySecondsAfterTheLastMessage_IsIdle()
    {
        for (var second = 5; second < 60; second += 5)
        {
            Assert.NotEqual(ClockVisit.Idle, VisitAfterFiveSeconds());
        }

        Assert.Equal(ClockVisit.Idle, VisitAfterFiveSeconds());
    }

    [Fact]
    public void Visit_TenSecondsAfterAnUnansweredPing_IsATimeoutOnce()
    {
        List<ClockVisit> visits = [];
        for (var i = 0; i < 9; i++)
        {
            visits.Add(VisitAfterFiveSeconds());
        }

        Assert.Equal(ClockVisit.Ping, visits[5]);
        Assert.Equal(ClockVisit.PingTimeout, visits[7]);
        Assert.Single(visits, ClockVisit.PingTimeout);
    }

    [Theory]
    [InlineData(1L, true)]
    [InlineData(null, false)]
    [InlineData(0L, false)]
    [InlineData(2L, false)]
    public void Ponged_OnlyWithTheOutstandingSequence_MeasuresTheRoundTrip(long? sequence, bool measured)
    {
        while (VisitAfterFiveSeconds() is not ClockVisit.Ping)
        {
        }

        _time.Advance(TimeSpan.FromMilliseconds(80));
        Assert.Equal(measured ? TimeSpan.FromMilliseconds(80) : null, _clock.Ponged(sequence));
        Assert.Null(_clock.Ponged(sequence)); // A second pong is no second sample.
    }

    private ClockVisit VisitAfterFiveSeconds()
    {
        _time.Advance(ViewerClock.VisitInterval);
        return _clock.Visit();
    }
}
