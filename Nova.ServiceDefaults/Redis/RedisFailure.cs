using StackExchange.Redis;

namespace Nova.ServiceDefaults.Redis;

public static class RedisFailure
{
    /// <summary>What failed, for a log line. The Redis client adds some 25 numbers about its own queues and threads to what it says.</summary>
    public static string ReasonOf(Exception exception)
    {
        if (exception is not (RedisException or RedisTimeoutException))
        {
            return exception.Message;
        }

        var end = new[] { ", v: ", " (outbound=" }.Select(detail => exception.Message.IndexOf(detail, StringComparison.Ordinal)).Where(at => at > 0).DefaultIfEmpty(exception.Message.Length).Min();
        return exception.Message[..end];
    }
}
