using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nova.AppHost;

/// <summary>Says on the terminal and in the dashboard where to look, once there is something to see.</summary>
internal sealed partial class Announcement(
    AppHostSettings settings, EndpointReference gateway, ResourceNotificationService notifications, ILogger<Announcement> logger) : BackgroundService
{
    /// <summary>The demo's resource.</summary>
    public const string Demo = "demo";

    /// <summary>Nothing that fails here may end the AppHost, as an exception of a hosted service would: then the dashboard still says what is wrong.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await AnnounceAsync(stoppingToken);
        }
        catch (Exception exception)
        {
            if (!stoppingToken.IsCancellationRequested)
            {
                LogNotReady(logger, exception.Message);
            }
        }
    }

    private async Task AnnounceAsync(CancellationToken stoppingToken)
    {
        await notifications.WaitForResourceHealthyAsync(gateway.Resource.Name, stoppingToken);
        LogReady(logger, gateway.Url, settings.Reason);
        if (!DevelopmentCertificate.IsTrusted)
        {
            LogPlainHttp(logger);
        }

        await notifications.WaitForResourceHealthyAsync(Demo, stoppingToken);
        using var client = new GatewayClient(gateway.Url);
        var streams = await client.ActiveStreamsAsync(stoppingToken);
        if (streams.FirstOrDefault(stream => stream.BroadcasterId == "demo-broadcaster") is { } demo)
        {
            var page = client.PageOf(demo.Id);
            LogDemo(logger, demo.Id, page);
            await ShowLinkAsync(page);
        }
    }

    private async Task ShowLinkAsync(string page)
    {
        if (notifications.TryGetCurrentState(Demo, out var state))
        {
            await notifications.PublishUpdateAsync(state.Resource, state.ResourceId, snapshot => snapshot with
            {
                Urls = [.. snapshot.Urls.Where(url => url.Name != "watch"), new("watch", page, IsInternal: false) { DisplayProperties = new("Watch the demo", SortOrder: 1) }],
            });
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Nova is ready. Web page: {Page}. {Reason}")]
    private static partial void LogReady(ILogger logger, string page, string reason);

    [LoggerMessage(2, LogLevel.Information, "The dashboard is served over http: this machine trusts no development certificate. 'dotnet dev-certs https --trust' makes one.")]
    private static partial void LogPlainHttp(ILogger logger);

    [LoggerMessage(4, LogLevel.Warning, "Nova did not become ready: {Reason} The dashboard shows which resource failed, and its log.")]
    private static partial void LogNotReady(ILogger logger, string reason);

    [LoggerMessage(3, LogLevel.Information, "The demo broadcasts stream {StreamId}. Watch it: {Page}")]
    private static partial void LogDemo(ILogger logger, string streamId, string page);
}

internal static class AnnouncementExtensions
{
    public static void AddAnnouncement(this IDistributedApplicationBuilder builder, AppHostSettings settings, IResourceBuilder<ProjectResource> gateway)
    {
        if (builder.ExecutionContext.IsRunMode)
        {
            builder.Services.AddHostedService(services => ActivatorUtilities.CreateInstance<Announcement>(services, settings, gateway.GetEndpoint("http")));
        }
    }
}
