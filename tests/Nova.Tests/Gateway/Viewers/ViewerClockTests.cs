using Microsoft.Extensions.Time.Testing;
using Nova.Gateway.Viewers;

namespace Nova.Tests.Gateway.Viewers;

public sealed class ViewerClockTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly ViewerClock _clock;

    public ViewerClockTests()
    {
        _clock = new ViewerClock(_time);
    }

    [Fact]
    public void OnTick_EveryFiveSeconds_PingsEveryThirtyCountingFromOne()
    {
        List<(double At, long Sequence)> pings = [];
        for (var second = 5; second <= 125; second += 5)
        {
            _clock.OnMessage();
            if (VisitAfterFiveSeconds() == DueAction.Ping)
            {
                pings.Add((second, _clock.Sequence));
            }
        }

        Assert.Equal([(30, 1), (60, 2), (90, 3), (120, 4)], pings);
    }

    /// <summary>S49: a hidden tab's timers run once a minute, so that an honest client's pongs are 60.05 s apart.</summary>
    [Fact]
    public void IdleIn_AfterTheLastMessage_EndsBetween62And65Seconds()
    {
        _time.Advance(TimeSpan.FromSeconds(20));
        _clock.OnMessage();
        _time.Advance(TimeSpan.FromSeconds(62));
        Assert.True(_clock.IdleIn > TimeSpan.Zero);
        _time.Advance(TimeSpan.FromSeconds(2.9));
        Assert.True(_clock.IdleIn <= TimeSpan.Zero);
    }

    [Fact]
    public void OnTick_TenSecondsAfterAnUnansweredPing_IsATimeoutOnce()
    {
        List<DueAction> visits = [];
        for (var i = 0; i < 9; i++)
        {
            visits.Add(VisitAfterFiveSeconds());
        }

        Assert.Equal(DueAction.Ping, visits[5]);
        Assert.Equal(DueAction.CountPingTimeout, visits[7]);
        Assert.Single(visits, DueAction.CountPingTimeout);
    }

    [Theory]
    [InlineData(1L, true)]
    [InlineData(null, false)]
    [InlineData(0L, false)]
    [InlineData(2L, false)]
    public void OnPong_OnlyWithTheOutstandingSequence_MeasuresTheRoundTrip(long? sequence, bool measured)
    {
        while (VisitAfterFiveSeconds() is not DueAction.Ping)
        {
        }

        _time.Advance(TimeSpan.FromMilliseconds(80));
        Assert.Equal(measured ? TimeSpan.FromMilliseconds(80) : null, _clock.OnPong(sequence));
        Assert.Null(_clock.OnPong(sequence)); // A second pong is no second sample.
    }

    private DueAction VisitAfterFiveSeconds()
    {
        _time.Advance(ViewerClock.VisitInterval);
        return _clock.OnTick();
    }
}
