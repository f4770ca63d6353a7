using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using Nova.ServiceDefaults.Background;
using Nova.Tests.Support;

namespace Nova.Tests.ServiceDefaults.Background;

/// <summary>One exception must not end a loop: three of four report forwarders once died of the first report.</summary>
public sealed class LoopGuardTests : IDisposable
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private readonly ServiceProvider _services;
    private readonly LoopGuards _guards;

    public LoopGuardTests()
    {
        _services = ServicesWith(_time);
        _guards = _services.GetRequiredService<LoopGuards>();
    }

    private FakeLogCollector Log => _services.GetFakeLogCollector();

    [Fact]
    public async Task RunAsync_PassesThatThrow_AreCountedAndTheLoopGoesOn()
    {
        using var stop = new CancellationTokenSource();
        using var failures = new MetricCollector<long>(_services.GetRequiredService<System.Diagnostics.Metrics.IMeterFactory>(), "Nova.ServiceDefaults", "nova.loop.failures");
        var passes = 0;
        var loop = _guards["test"].RunAsync(
            _ =>
            {
                passes++;
                throw new InvalidOperationException("broken");
            },
            stop.Token);
        await AdvanceUntilAsync(() => passes >= 5);
        await stop.CancelAsync();
        await loop;
        Assert.True(failures.GetMeasurementSnapshot().Sum(failure => failure.Value) >= 5);
        Assert.Equal(HealthStatus.Healthy, (await _guards.CheckHealthAsync(new())).Status);
    }

    [Fact]
    public void Report_AThousandFailures_AreOneLineInFiveSecondsThatSaysHowMany()
    {
        for (var i = 0; i < 1000; i++)
        {
            _guards["test"].Report(new InvalidOperationException("broken"));
        }

        Assert.Equal(1, Log.Count);
        _time.Advance(TimeSpan.FromSeconds(6));
        _guards["test"].Report(new InvalidOperationException("broken"));
        Assert.Contains("999 failures before it", Log.LatestRecord.Message);
    }

    [Fact]
    public async Task RunAsync_ALoopThatEndsByItself_IsUnhealthyAndNamed()
    {
        // Nothing that a pass does ends it; a clock that is broken does.
        using var services = ServicesWith(new BrokenTime());
        var guards = services.GetRequiredService<LoopGuards>();
        await Assert.ThrowsAsync<NotSupportedException>(() => guards["test"].RunAsync(_ => Task.FromException(new InvalidOperationException()), default));
        var health = await guards.CheckHealthAsync(new());
        Assert.Equal((HealthStatus.Unhealthy, "ended: test"), (health.Status, health.Description));
    }

    public void Dispose() => _services.Dispose();

    private static ServiceProvider ServicesWith(TimeProvider time) => new ServiceCollection()
        .AddMetrics().AddFakeLogging().AddSingleton(time).AddSingleton<LoopGuards>().BuildServiceProvider();

    private async Task AdvanceUntilAsync(Func<bool> condition) => await Eventually.TrueAsync(
        () =>
        {
            _time.Advance(TimeSpan.FromSeconds(2));
            return Task.FromResult(condition());
        },
        "the loop went on");

    private sealed class BrokenTime : FakeTimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => throw new NotSupportedException();
    }
}
