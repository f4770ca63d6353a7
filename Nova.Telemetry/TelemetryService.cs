using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Configuration;
using Nova.ServiceDefaults.Postgres;
using Nova.Telemetry.Issues;

namespace Nova.Telemetry;

/// <summary>The service of viewers' issue reports: what it registers and what it serves.</summary>
public static class TelemetryService
{
    public static void AddTelemetry(this WebApplicationBuilder builder)
    {
        builder.AddServiceDefaults();
        builder.AddPostgres("telemetry");
        builder.AddSchemaMigration("telemetry", typeof(TelemetryService).Assembly);

        builder.Services.AddRestJson(ProtocolJson.Default, TelemetryJson.Default);
        builder.Services.AddOpenApi(options => options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info.Title = "Nova: issue reports";
            return Task.CompletedTask;
        }));
        builder.Services.AddSingleton<TelemetryMetrics>();
        builder.Services.AddSingleton<IssueStore>();
    }

    public static void MapTelemetry(this WebApplication app)
    {
        app.UseServiceDefaults();
        app.MapOpenApi();
        app.MapIssuesApi();
    }
}
