using Nova.ServiceDefaults.Redis;
using StackExchange.Redis;

namespace Nova.Tests.ServiceDefaults.Redis;

public sealed class RedisFailureTests
{
    [Theory]
    [InlineData("The message timed out in the backlog (1000ms), v: 3.4.35.20751, command=EVAL, inst: 0", "The message timed out in the backlog (1000ms)")]
    [InlineData("Timeout awaiting response (outbound=4KiB, inbound=0KiB), v: 3.4.35", "Timeout awaiting response")]
    [InlineData("It was not possible to connect", "It was not possible to connect")]
    [Obsolete]
    public void ReasonOf_AFailureOfRedis_IsWithoutItsStatistics(string message, string reason)
    {
        Assert.Equal(reason, RedisFailure.ReasonOf(new RedisTimeoutException(CommandFlags.None, message, CommandStatus.Unknown)));
        Assert.Equal(reason, RedisFailure.ReasonOf(new RedisException(message)));
    }

    [Fact]
    public void ReasonOf_AnyOtherFailure_IsItsMessage() => Assert.Equal("a, v: b", RedisFailure.ReasonOf(new InvalidOperationException("a, v: b")));
}
