using System.Collections.Concurrent;
using System.Text;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Nova.AppHost.Tests;

public sealed record Span(string Service, string Instance, string TraceId, string Name);

/// <summary>An OpenTelemetry collector (OTLP over HTTP) that keeps the spans it is sent.</summary>
public sealed class TraceCollector : IAsyncDisposable
{
    private readonly WebApplication _app;

    private TraceCollector(WebApplication app)
    {
        _app = app;
        app.Run(async http =>
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body);
            if (http.Request.Path == "/v1/traces")
            {
                Bodies.Add(body.ToArray());
                Read(body.ToArray());
            }
        });
    }

    public ConcurrentBag<Span> Spans { get; } = [];

    /// <summary>Requests as they came, to look for what must not be in them.</summary>
    public ConcurrentBag<byte[]> Bodies { get; } = [];

    public static async Task<TraceCollector> StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var collector = new TraceCollector(builder.Build());
        await collector._app.StartAsync();
        return collector;
    }

    /// <summary>Has every project of the application send its telemetry here.</summary>
    public void Receive(IDistributedApplicationTestingBuilder builder)
    {
        var address = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        foreach (var project in builder.Resources.OfType<ProjectResource>())
        {
            builder.CreateResourceBuilder(project)
                .WithEnvironment("OTEL_EXPORTER_OTLP_ENDPOINT", address)
                .WithEnvironment("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
                .WithEnvironment("OTEL_BSP_SCHEDULE_DELAY", "500");
        }
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    /// <summary>ExportTraceServiceRequest { resource_spans = 1 { resource = 1 { attributes = 1 }, scope_spans = 2 { spans = 2 { trace_id = 1, name = 5 } } } }.</summary>
    private void Read(byte[] request)
    {
        foreach (var resourceSpans in Fields(request, 1))
        {
            var attributes = Fields(resourceSpans, 1).SelectMany(resource => Fields(resource, 1))
                .ToLookup(attribute => Text(attribute, 1), attribute => Fields(attribute, 2).Select(value => Text(value, 1)).FirstOrDefault(""));
            foreach (var span in Fields(resourceSpans, 2).SelectMany(scope => Fields(scope, 2)))
            {
                Spans.Add(new(attributes["service.name"].Single(), attributes["service.instance.id"].Single(), Convert.ToHexStringLower(Fields(span, 1).Single()), Text(span, 5)));
            }
        }
    }

    private static string Text(byte[] message, int field) => Fields(message, field).Select(Encoding.UTF8.GetString).FirstOrDefault("");

    /// <summary>The values of a field that is a message, text or bytes.</summary>
    private static List<byte[]> Fields(byte[] message, int field)
    {
        List<byte[]> values = [];
        var input = new CodedInputStream(message);
        while (input.ReadTag() is var tag && tag != 0)
        {
            if (tag == WireFormat.MakeTag(field, WireFormat.WireType.LengthDelimited))
            {
                values.Add(input.ReadBytes().ToByteArray());
            }
            else
            {
                input.SkipLastField();
            }
        }

        return values;
    }
}
