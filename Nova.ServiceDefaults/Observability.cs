using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Nova.ServiceDefaults.Health;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Nova.ServiceDefaults;

internal static class Observability
{
    /// <summary>Every meter and activity source of ours starts with this.</summary>
    private const string NovaSources = "Nova.*";

    /// <summary>Logs, metrics and traces; they leave by OTLP when <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set, as Aspire sets it.</summary>
    public static void AddObservability(this IHostApplicationBuilder builder)
    {
        builder.Logging.AddOpenTelemetry(logging =>
        {
            logging.IncludeFormattedMessage = true;
            logging.IncludeScopes = true;
        });

        var openTelemetry = builder.Services.AddOpenTelemetry()
            .WithMetrics(metrics => metrics
                .AddAspNetCoreInstrumentation()
                .AddHttpClientInstrumentation()
                .AddRuntimeInstrumentation()
                .AddMeter(NovaSources));

        if (!string.IsNullOrWhiteSpace(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]))
        {
            openTelemetry.WithTracing(tracing => tracing
                .SetSampler(new ParentBasedSampler(new DropRootClientSpans()))
                .AddSource(NovaSources)
                .AddAspNetCoreInstrumentation(options => options.Filter = IsTraced)
                .AddHttpClientInstrumentation());

            // A collector that hangs would hold up every stop for 10 s, the default, which is longer than orchestrators wait.
            builder.Configuration["OTEL_EXPORTER_OTLP_TIMEOUT"] ??= "3000";
            openTelemetry.UseOtlpExporter();
        }
    }

    /// <summary>
    /// Background loops ask their database several times a second; each would be a trace of one span. What a loop does for somebody starts
    /// an activity of its own, so a client span that begins a trace is such a loop.
    /// </summary>
    private sealed class DropRootClientSpans : Sampler
    {
        public override SamplingResult ShouldSample(in SamplingParameters samplingParameters) =>
            new(samplingParameters.Kind == ActivityKind.Client ? SamplingDecision.Drop : SamplingDecision.RecordAndSample);
    }

    /// <summary>Probes and broadcasters' signals come every few seconds, and a viewer's socket would be one span of hours.</summary>
    private static bool IsTraced(HttpContext context) =>
        !context.Request.Path.Value!.EndsWith("/heartbeat", StringComparison.Ordinal)
        && !context.Request.Path.Value.EndsWith("/bitrate", StringComparison.Ordinal)
        && !context.Request.Path.StartsWithSegments(HealthEndpoints.Ready)
        && !context.Request.Path.StartsWithSegments(HealthEndpoints.Live)
        && !context.Request.Headers.GetCommaSeparatedValues("Upgrade").Contains("websocket", StringComparer.OrdinalIgnoreCase)
        && !HttpMethods.IsConnect(context.Request.Method); // HTTP/2's upgrade.
}
