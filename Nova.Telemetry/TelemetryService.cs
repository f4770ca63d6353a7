using Nova.Protocol;
using Nova.ServiceDefaults;
using Nova.ServiceDefaults.Configuration;
using Nova.ServiceDefaults.Http;
using Nova.ServiceDefaults.Postgres;
using Nova.ServiceDefaults.Security;
using Nova.Telemetry.Access;
using Nova.Telemetry.Feed;
using Nova.Telemetry.Issues;
using Nova.Telemetry.Quality;
using Nova.Telemetry.Retention;
using Nova.Telemetry.Summaries;
using Nova.Telemetry.Timeline;

namespace Nova.Telemetry;

/// <summary>The service of viewers' issue reports: what it registers and what it serves.</summary>
public static class TelemetryService
{
    public static void AddTelemetry(this WebApplicationBuilder builder)
    {
        builder.AddServiceDefaults();
        builder.AddPostgres("telemetry");
        builder.AddSchemaMigration("telemetry", typeof(TelemetryService).Assembly);

        var services = builder.Services;
        services.AddValidatedOptions<TelemetryOptions, ValidateTelemetryOptions>(TelemetryOptions.Section);
        services.AddRestJson(ProtocolJson.Default, TelemetryJson.Default);
        services.AddHttpClient(TimelineFollower.Client, http => http.BaseAddress = new Uri("https+http://stream-state")).AddInternalKey()
            .AddServiceClient(attempt: TimeSpan.FromSeconds(3), total: TimeSpan.FromSeconds(8));

        services.AddSingleton<TelemetryMetrics>();
        services.AddSingleton<IssueStore>();
        services.AddSingleton<IssueQueries>();
        services.AddSingleton<IssueFeed>();
        services.AddSingleton<SummaryQueries>();
        services.AddSingleton<TimelineStore>();
        services.AddSingleton<StreamStateClient>();
        services.AddSingleton<ReportAccess>();
        services.AddSingleton<ReportMarks>();
        services.AddSingleton<AlertStore>();
        services.AddHostedService<DaySweep>();
        services.AddHostedService<TimelineFollower>();
        services.AddHostedService<QualityWatch>();
    }

    public static void MapTelemetry(this WebApplication app)
    {
        app.UseServiceDefaults();
        app.MapIssuesApi();
        app.MapSummaryApi();
        app.MapQoeApi();
        app.MapAlertsApi();
        app.MapFeedApi();
    }
}
