using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nova.LoadTest.Systems.Peers;

/// <summary>The SignalR peer: an app written as SignalR's documentation recommends, in its own process.</summary>
internal static class SignalRServer
{
    private const string Group = "stream";

    public static async Task RunAsync(int port, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.UseUrls(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        builder.Services.AddSignalR(options => options.ClientTimeoutInterval = TimeSpan.FromHours(1)); // The generator's viewers send no keep-alives.

        await using var app = builder.Build();
        app.MapHub<EventHub>("/hub");
        app.MapGet("/health", static () => Results.Ok());
        app.MapPost("/publish", static (JsonElement message, IHubContext<EventHub> hub) =>
        {
            // Not awaited: the response would wait for the slowest viewer's write, but the publisher is an open loop.
            _ = hub.Clients.Group(Group).SendAsync("event", message);
            return Results.Ok();
        });
        await app.StartAsync(cancellationToken);
        await app.WaitForShutdownAsync(cancellationToken);
    }

    private sealed class EventHub : Hub
    {
        public override Task OnConnectedAsync() => Groups.AddToGroupAsync(Context.ConnectionId, Group);
    }
}
