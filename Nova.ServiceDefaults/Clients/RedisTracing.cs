using System.Diagnostics;
using System.Runtime.CompilerServices;
using StackExchange.Redis;
using StackExchange.Redis.Profiling;

namespace Microsoft.Extensions.Hosting;

/// <summary>
/// A span for each Redis command that is sent on behalf of a traced activity, made from the client's own profiler. The source has the name
/// that OpenTelemetry's instrumentation, and with it Aspire's integration, uses.
/// </summary>
internal sealed class RedisTracing(IConnectionMultiplexer redis, TimeProvider time) : BackgroundService
{
    public const string Source = "OpenTelemetry.Instrumentation.StackExchangeRedis";

    private static readonly ActivitySource Activities = new(Source);
    private static readonly TimeSpan FlushInterval = TimeSpan.FromSeconds(1);

    // Weak: an activity that nobody stops must not keep its session.
    private readonly ConditionalWeakTable<Activity, ProfilingSession> _sessions = [];

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        Flush();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        redis.RegisterProfiler(() => Activity.Current is { IsAllDataRequested: true } current
            ? _sessions.GetValue(current, _ => new ProfilingSession())
            : null);
        using var timer = new PeriodicTimer(FlushInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            Flush();
        }
    }

    private void Flush()
    {
        foreach (var (activity, session) in _sessions)
        {
            if (activity.IsStopped)
            {
                _sessions.Remove(activity);
            }

            foreach (var command in session.FinishProfiling())
            {
                Write(activity.Context, command);
            }
        }
    }

    private static void Write(ActivityContext parent, IProfiledCommand command)
    {
        using var span = Activities.StartActivity(
            command.Command, ActivityKind.Client, parent, [new("db.system.name", "redis"), new("db.operation.name", command.Command)],
            startTime: command.CommandCreated);
        if (command.EndPoint is System.Net.DnsEndPoint or System.Net.IPEndPoint)
        {
            span?.SetTag("server.address", command.EndPoint.ToString());
        }

        span?.SetEndTime(command.CommandCreated + command.ElapsedTime);
    }
}
