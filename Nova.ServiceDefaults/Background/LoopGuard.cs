using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Nova.ServiceDefaults.Redis;

namespace Nova.ServiceDefaults.Background;

/// <summary>
/// The wall around one kind of background work: whatever a pass throws is counted, logged at most once in five seconds, and the work goes on.
/// </summary>
public sealed partial class LoopGuard
{
    private readonly Counter<long> _failures;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly LogThrottle _throttle;
    private int _dead;

    internal LoopGuard(string name, Counter<long> failures, TimeProvider time, ILogger logger)
    {
        Name = name;
        _failures = failures;
        _time = time;
        _logger = logger;
        _throttle = new LogThrottle(time);
    }

    public string Name { get; }

    /// <summary>How many loops of this name have ended although nobody stopped them.</summary>
    public int Dead => Volatile.Read(ref _dead);

    /// <summary>Runs <paramref name="pass"/> again and again until <paramref name="stop"/>. After a failure it waits, longer each time.</summary>
    public async Task RunAsync(Func<CancellationToken, Task> pass, CancellationToken stop)
    {
        try
        {
            await Task.Yield(); // The host starts its services one after the other.
            for (var failures = 0; !stop.IsCancellationRequested;)
            {
                try
                {
                    await pass(stop);
                    failures = 0;
                }
                catch (OperationCanceledException) when (stop.IsCancellationRequested)
                {
                    return;
                }
                catch (Exception exception)
                {
                    Report(exception);
                    await Task.Delay(Backoff.Next(failures++), _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }
        }
        finally
        {
            if (!stop.IsCancellationRequested)
            {
                Interlocked.Increment(ref _dead);
            }
        }
    }

    /// <summary>Runs <paramref name="pass"/> once every <paramref name="interval"/> until <paramref name="stop"/>; a slow pass delays the next one.</summary>
    public async Task RunEveryAsync(TimeSpan interval, Func<CancellationToken, Task> pass, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(interval, _time);
        await RunAsync(
            async token =>
            {
                await timer.WaitForNextTickAsync(token);
                await pass(token);
            },
            stop);
    }

    /// <summary>Runs what nobody waits for.</summary>
    public async void Start(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception exception)
        {
            Report(exception);
        }
    }

    /// <summary>For work with a try of its own, such as a fan-out that must go on with the next viewer.</summary>
    public void Report(Exception exception)
    {
        _failures.Add(1, new KeyValuePair<string, object?>("loop", Name));
        if (_throttle.TryTake(out var suppressed))
        {
            LogFailed(_logger, IsExpected(exception) ? null : exception, Name, RedisFailure.ReasonOf(exception), suppressed);
        }
    }

    /// <summary>A dependency that is unavailable needs no stack trace.</summary>
    private static bool IsExpected(Exception exception) =>
        exception is Npgsql.NpgsqlException or StackExchange.Redis.RedisException or TimeoutException or IOException or HttpRequestException;

    [LoggerMessage(20, LogLevel.Warning, "LoopFailed: {Loop}: {Reason}; it goes on ({Suppressed} failures before it were not logged)")]
    private static partial void LogFailed(ILogger logger, Exception? exception, string loop, string reason, long suppressed);
}
