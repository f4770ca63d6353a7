using Microsoft.Extensions.Logging;
using Nova.ServiceDefaults.Background;
using StackExchange.Redis;

namespace Nova.ServiceDefaults.Health;

/// <summary>Whether Redis answers, on the connection that commands go by.</summary>
public sealed class RedisProbe(IConnectionMultiplexer redis, LoopGuards guards, TimeProvider time, ILogger<RedisProbe> logger)
    : DependencyProbe("Redis", guards, time, logger)
{
    private readonly TimeProvider _time = time;

    /// <summary>A connection that is closed needs no probe.</summary>
    public override bool IsAnswering => redis.IsConnected && base.IsAnswering;

    protected override async Task AskAsync(CancellationToken cancellationToken)
    {
        if (!redis.IsConnected)
        {
            throw new InvalidOperationException("it is not connected");
        }

        await redis.GetDatabase().PingAsync().WaitAsync(TimeSpan.FromSeconds(1), _time, cancellationToken);
    }
}
