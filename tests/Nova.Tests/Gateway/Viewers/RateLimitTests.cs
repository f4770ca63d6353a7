using Microsoft.Extensions.Time.Testing;
using Nova.Gateway.Viewers;
using Nova.Protocol;

namespace Nova.Tests.Gateway.Viewers;

/// <summary>Bursts and, above all, the steady rate after them, in virtual time.</summary>
public sealed class RateLimitTests
{
    private readonly FakeTimeProvider _time = new();

    [Theory]
    [InlineData(50, 200)]
    [InlineData(5, 1)]
    [InlineData(10 / 60.0, 20)]
    public void TryTake_AsFastAsPossible_AllowsTheBurst_ThenTheRate(double perSecond, int burst)
    {
        var (limit, rate) = (default(RateLimit), new Rate(perSecond, burst));
        Assert.Equal(burst, Enumerable.Range(0, burst * 3).Count(_ => limit.TryTake(rate, _time.GetTimestamp(), _time)));

        var seconds = (int)Math.Ceiling(100 / perSecond);
        var allowed = 0;
        for (var tick = 0; tick < seconds * 20; tick++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(50));
            while (limit.TryTake(rate, _time.GetTimestamp(), _time))
            {
                allowed++;
            }
        }

        Assert.InRange(allowed, (int)(seconds * perSecond) - 1, (int)(seconds * perSecond) + 1);
    }

    [Fact]
    public void TryTake_AfterALongRest_AllowsOneBurstAndNoMore()
    {
        var (limit, rate) = (default(RateLimit), new Rate(10, 30));
        limit.TryTake(rate, _time.GetTimestamp(), _time, weight: 30);
        _time.Advance(TimeSpan.FromDays(400));
        Assert.Equal(30, Enumerable.Range(0, 100).Count(_ => limit.TryTake(rate, _time.GetTimestamp(), _time)));
    }

    [Fact]
    public void TryTake_Refused_SaysHowLongToWait_AndThenAllows()
    {
        var (limit, rate) = (default(RateLimit), new Rate(0.5, 2));
        Assert.True(limit.TryTake(rate, _time.GetTimestamp(), _time, weight: 2));
        Assert.False(limit.TryTake(rate, _time.GetTimestamp(), _time, 1, out var wait));
        Assert.Equal(2, wait.TotalSeconds, precision: 3);
        _time.Advance(wait);
        Assert.True(limit.TryTake(rate, _time.GetTimestamp(), _time));
    }

    [Theory]
    [InlineData(EventNames.Pong, 25, 5)]
    [InlineData(EventNames.GetStreamInfo, 100, 20)]
    [InlineData(EventNames.ReportIssue, 20, 1)]
    [InlineData(EventNames.RefreshToken, 6, 1)]
    public void MessageLimits_OfEachKind_AreTheProtocols(string eventName, int burst, int inSixSeconds)
    {
        var limits = new MessageLimits(_time);
        Assert.Equal(burst, Enumerable.Range(0, 1000).Count(_ => limits.TryTake(eventName)));
        _time.Advance(TimeSpan.FromSeconds(eventName is EventNames.Pong or EventNames.GetStreamInfo ? 1 : 10));
        Assert.Equal(inSixSeconds, Enumerable.Range(0, 1000).Count(_ => limits.TryTake(eventName)));
    }

    [Theory]
    [InlineData(0, 150)]
    [InlineData(100, 150)]
    [InlineData(Limits.MaxMessageBytes, 8)]
    public void MessageLimits_OfAllMessages_CountTheirBytesToo(int bytes, int burst) =>
        Assert.Equal(burst, new MessageLimits(_time) is var limits ? Enumerable.Range(0, 1000).Count(_ => limits.TryTake(bytes)) : 0);

    [Fact]
    public void MessageLimits_Exceeded_TellOnceASecond_AndCloseAfterFiveHundredInTenSeconds()
    {
        var limits = new MessageLimits(_time);
        List<ExcessResponse> responses = [];
        for (var i = 0; i < 501; i++)
        {
            responses.Add(limits.Exceed());
            _time.Advance(TimeSpan.FromMilliseconds(10));
        }

        Assert.Equal(ExcessResponse.Notify, responses[0]);
        Assert.InRange(responses.Count(response => response == ExcessResponse.Notify), 5, 6);
        Assert.Equal(ExcessResponse.Close, Assert.Single(responses, response => response == ExcessResponse.Close));
    }

    [Fact]
    public void MessageLimits_ExceededSlowly_NeverClose()
    {
        var limits = new MessageLimits(_time);
        for (var i = 0; i < 5000; i++)
        {
            Assert.NotEqual(ExcessResponse.Close, limits.Exceed());
            _time.Advance(TimeSpan.FromMilliseconds(25));
        }
    }
}
