using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace Nova.AppHost;

/// <summary>Dashboard commands for a demo; they use Nova's public API as its clients do.</summary>
internal static class DevCommands
{
    private const string Broadcaster = "dashboard";
    private const string Start = """{"quality":"1080p","fps":60,"bitrate_kbps":5000}""";

    public static IResourceBuilder<ProjectResource> WithDemoCommands(this IResourceBuilder<ProjectResource> service)
    {
        if (!service.ApplicationBuilder.ExecutionContext.IsRunMode)
        {
            return service;
        }

        return service
            .WithCommand("create-viewer-token", "Create viewer token", context => RunAsync(context, CreateViewerTokenAsync), Icon("Key"))
            .WithCommand("start-demo", "Start demo broadcast", context => RunAsync(context, StartDemoAsync), Icon("Play"))
            .WithCommand("end-demo", "End demo broadcast", context => RunAsync(context, EndDemoAsync), Icon("Stop"));
    }

    private static CommandOptions Icon(string name) => new() { IconName = name };

    private static async Task<ExecuteCommandResult> CreateViewerTokenAsync(HttpClient gateway, CancellationToken cancellationToken) =>
        CommandResults.Success("A token for any public stream, valid for an hour", await TokenAsync(gateway, "viewer", cancellationToken), CommandResultFormat.Text, displayImmediately: true);

    private static async Task<ExecuteCommandResult> StartDemoAsync(HttpClient gateway, CancellationToken cancellationToken)
    {
        await AuthorizeAsync(gateway, cancellationToken);
        var id = (await PostAsync(gateway, "", """{"title":"Demo broadcast","broadcaster_name":"Dashboard"}""", cancellationToken)).GetProperty("stream_id").GetString();
        await PostAsync(gateway, $"/{id}/start", Start, cancellationToken);
        return CommandResults.Success(
            "The demo broadcast has started", $"{gateway.BaseAddress}#stream={id}", CommandResultFormat.Text, displayImmediately: true);
    }

    private static async Task<ExecuteCommandResult> EndDemoAsync(HttpClient gateway, CancellationToken cancellationToken)
    {
        await AuthorizeAsync(gateway, cancellationToken);
        var streams = await gateway.GetFromJsonAsync<JsonElement>($"/api/v1/streams?status=active&broadcaster_id={Broadcaster}", cancellationToken);
        var ids = streams.GetProperty("streams").EnumerateArray().Select(stream => stream.GetProperty("stream_id").GetString()).ToList();
        foreach (var id in ids)
        {
            await PostAsync(gateway, $"/{id}/end", "{}", cancellationToken);
        }

        return CommandResults.Success(ids.Count == 0 ? "No demo broadcast is active" : $"Ended: {ids.Count}");
    }

    private static async Task<ExecuteCommandResult> RunAsync(
        ExecuteCommandContext context, Func<HttpClient, CancellationToken, Task<ExecuteCommandResult>> run)
    {
        try
        {
            var model = context.Services.GetRequiredService<DistributedApplicationModel>();
            var address = ((IResourceWithEndpoints)model.Resources.Single(resource => resource.Name == "gateway")).GetEndpoint("http").Url;
            using var gateway = new HttpClient { BaseAddress = new Uri(address) };
            return await run(gateway, context.CancellationToken);
        }
        catch (HttpRequestException exception)
        {
            return CommandResults.Failure($"The request to the gateway failed: {exception.Message}");
        }
    }

    private static async Task AuthorizeAsync(HttpClient gateway, CancellationToken cancellationToken) =>
        gateway.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", await TokenAsync(gateway, "broadcaster", cancellationToken));

    private static async Task<string> TokenAsync(HttpClient gateway, string role, CancellationToken cancellationToken)
    {
        using var response = await gateway.PostAsJsonAsync("/dev/tokens", new { sub = Broadcaster, role }, cancellationToken);
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync<JsonElement>(cancellationToken)).GetProperty("token").GetString()!;
    }

    private static async Task<JsonElement> PostAsync(HttpClient gateway, string path, string body, CancellationToken cancellationToken)
    {
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var response = await gateway.PostAsync($"/api/v1/streams{path}", content, cancellationToken);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
    }
}
