using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nova.AppHost;

/// <summary>Says on the terminal and in the dashboard where to look, once there is something to see.</summary>
internal sealed partial class Announcement(
    AppHostSettings settings, EndpointReference gateway, ResourceNotificationService notifications, ResourceLoggerService logs, ILogger<Announcement> logger)
{
    /// <summary>The demo's resource.</summary>
    public const string Demo = "demo";

    /// <summary>A service says in so many lines what it lacks.</summary>
    private const int ShownLines = 5;

    public void Start(CancellationToken stoppingToken) => _ = RunAsync(stoppingToken);

    /// <summary>Nothing that fails here may end the AppHost: then the dashboard still says what is wrong.</summary>
    private async Task RunAsync(CancellationToken stoppingToken)
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
        using (var isReady = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken))
        {
            var reporting = ReportFailuresAsync(isReady.Token);
            await notifications.WaitForResourceHealthyAsync(gateway.Resource.Name, stoppingToken);
            await isReady.CancelAsync();
            await reporting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        LogReady(logger, gateway.Url, settings.Reason);
        if (!DevelopmentCertificate.IsTrusted)
        {
            LogPlainHttp(logger);
        }

        await notifications.WaitForResourceHealthyAsync(Demo, stoppingToken);
        var client = new GatewayClient(new Uri(gateway.Url));
        if (await client.NewestActiveStreamAsync(stoppingToken, "demo-broadcaster") is { } demo)
        {
            var page = client.PageOf(demo);
            LogDemo(logger, demo, page);
            await ShowLinkAsync(page);
        }
    }

    /// <summary>Whoever waits at the terminal hears why nothing comes: what depends on a resource that ended waits for ever.</summary>
    private async Task ReportFailuresAsync(CancellationToken isReady)
    {
        HashSet<string> reported = [];
        await foreach (var change in notifications.WatchAsync(isReady))
        {
            var (state, exitCode) = (change.Snapshot.State?.Text, change.Snapshot.ExitCode);
            if ((state == KnownResourceStates.FailedToStart || (KnownResourceStates.TerminalStates.Contains(state) && exitCode is not (null or 0)))
                && reported.Add(change.ResourceId))
            {
                LogFailed(logger, change.Resource.Name, exitCode, await LastErrorsAsync(change.ResourceId, isReady));
            }
        }
    }

    private async Task<string> LastErrorsAsync(string resourceId, CancellationToken isReady)
    {
        List<string> errors = [];
        await foreach (var lines in logs.GetAllAsync(resourceId).WithCancellation(isReady))
        {
            errors.AddRange(lines.Where(line => line.IsErrorMessage).Select(line => Time().Replace(line.Content, "").Trim()));
        }

        return string.Join(' ', errors.Where(line => line.Length > 0 && !line.StartsWith("at ", StringComparison.Ordinal)).TakeLast(ShownLines));
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

    /// <summary>The orchestrator writes it before each line.</summary>
    [GeneratedRegex(@"^\d{4}-\S+Z ")]
    private static partial Regex Time();

    [LoggerMessage(1, LogLevel.Information, "Nova is ready. Web page: {Page}. {Reason}")]
    private static partial void LogReady(ILogger logger, string page, string reason);

    [LoggerMessage(2, LogLevel.Information, "The dashboard is served over http: this machine trusts no development certificate. 'dotnet dev-certs https --trust' makes one.")]
    private static partial void LogPlainHttp(ILogger logger);

    [LoggerMessage(4, LogLevel.Warning, "Nova did not become ready: {Reason} The dashboard shows which resource failed, and its log.")]
    private static partial void LogNotReady(ILogger logger, string reason);

    [LoggerMessage(5, LogLevel.Error, "Nova is not ready: {Resource} ended with exit code {ExitCode}. {Errors}")]
    private static partial void LogFailed(ILogger logger, string resource, int? exitCode, string errors);

    [LoggerMessage(3, LogLevel.Information, "The demo broadcasts stream {StreamId}. Watch it: {Page}")]
    private static partial void LogDemo(ILogger logger, Guid streamId, string page);
}

internal static class AnnouncementExtensions
{
    public static void AddAnnouncement(this IDistributedApplicationBuilder builder, AppHostSettings settings, IResourceBuilder<ProjectResource> gateway)
    {
        if (!builder.ExecutionContext.IsRunMode)
        {
            return;
        }

        // Not as a hosted service: those of the AppHost start only once every resource has started, or never.
        builder.Eventing.Subscribe<BeforeStartEvent>((starting, _) =>
        {
            var announcement = ActivatorUtilities.CreateInstance<Announcement>(starting.Services, settings, gateway.GetEndpoint("http"));
            announcement.Start(starting.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
            return Task.CompletedTask;
        });
    }
}
