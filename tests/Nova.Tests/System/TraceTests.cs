using System.Collections.Concurrent;
using System.Diagnostics;
using Nova.Protocol;
using Nova.Tests.Support;

namespace Nova.Tests.SystemTests;

/// <summary>One trace from the broadcaster's request through Postgres and Redis to the fan-out of each gateway (DESIGN section 7).</summary>
public sealed class TraceTests(NovaFixture nova)
{
    [Fact]
    public async Task QualityChange_IsOneTraceOverAllItsHops()
    {
        ActivityTraceId trace = default;
        ConcurrentBag<Activity> spans = [];
        using var listener = new ActivityListener
        {
            ShouldListenTo = _ => true,
            Sample = (ref ActivityCreationOptions<ActivityContext> options) =>
                options.Parent.TraceId == trace ? ActivitySamplingResult.AllDataAndRecorded : ActivitySamplingResult.None,
            ActivityStopped = span =>
            {
                if (span.TraceId == trace)
                {
                    spans.Add(span);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);

        var stream = await nova.Api.StartStreamAsync();
        await using var one = await stream.WatchAsync(gateway: 0);
        await using var two = await stream.WatchAsync(gateway: 1);
        using (var request = new Activity("test") { ActivityTraceFlags = ActivityTraceFlags.Recorded }.Start())
        {
            trace = request.TraceId;
            await stream.PostAsync("quality", """{"new_quality":"720p","new_bitrate_kbps":3000,"reason":"adaptive_bitrate"}""");
        }

        await one.WaitForAsync(EventNames.QualityChanged);
        await two.WaitForAsync(EventNames.QualityChanged);

        await Eventually.TrueAsync(
            () => Task.FromResult(
                spans.Count(span => span.OperationName == "fan out quality_changed") == 2
                && spans.Any(span => span.OperationName == "publish quality_changed")
                && spans.Any(span => span.Source.Name == "Npgsql")
                && spans.Any(span => span.Source.Name == "OpenTelemetry.Instrumentation.StackExchangeRedis")
                && spans.Count(span => span.Source.Name == "Microsoft.AspNetCore") == 2),
            $"the trace has all its spans; it has {string.Join(", ", spans.Select(span => $"{span.Source.Name}: {span.OperationName}"))}");
    }
}
