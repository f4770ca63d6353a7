using Microsoft.Extensions.Time.Testing;
using Nova.Gateway.Viewers;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Security;

namespace Nova.Tests.Gateway.Viewers;

/// <summary>When a viewer is warned and let go (S28), in virtual time.</summary>
public sealed class ViewerTokenTests
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);

    [Fact]
    public void TakeWarning_OnceSixtySecondsBeforeTheEnd()
    {
        var token = Token(lifetime: 300);
        Assert.False(WarnedAfter(token, 239));
        Assert.True(WarnedAfter(token, 1));
        Assert.False(WarnedAfter(token, 30));
        Assert.Equal(40, token.Remaining.TotalSeconds); // 30 s of the token, 10 of grace.
    }

    [Theory]
    [InlineData(50)]
    [InlineData(90)]
    public void TakeWarning_NotBeforeTheConnectionIsAMinuteOld(int lifetime)
    {
        var token = Token(lifetime);
        Assert.False(WarnedAfter(token, 59));
        Assert.True(WarnedAfter(token, 1));
    }

    [Fact]
    public void Remaining_OfATokenThatEndedWithinTheLeeway_IsTheGrace() => Assert.Equal(10, Token(lifetime: -20).Remaining.TotalSeconds);

    [Fact]
    public void Renew_StartsOver_WithAWarningOfItsOwn()
    {
        var token = Token(lifetime: 100);
        Assert.True(WarnedAfter(token, 60));
        token.Renew(Caller(lifetime: 200), mayWatchPrivate: false);
        Assert.Equal(210, token.Remaining.TotalSeconds);
        Assert.False(WarnedAfter(token, 139));
        Assert.True(WarnedAfter(token, 1));
    }

    private bool WarnedAfter(ViewerToken token, int seconds)
    {
        _time.Advance(TimeSpan.FromSeconds(seconds));
        return token.TakeWarning();
    }

    private ViewerToken Token(int lifetime) => new(Caller(lifetime), mayWatchPrivate: false, _time);

    private Caller Caller(int lifetime) => new("viewer", CallerRole.Viewer, null, false, null, _time.GetUtcNow().AddSeconds(lifetime));
}
