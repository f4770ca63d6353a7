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

/// <summary>The SignalR peer: an app as its documentation would have it, in a process of its own.</summary>
internal static class SignalRServer
{
    private const string Group = "stream";

    public static async Task RunAsync(int port, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.UseUrls(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        builder.Services.AddSignalR(options => options.ClientTimeoutInterval = TimeSpan.FromHours(1)); // The generator's viewers send no keep-alives of their own.

        await using var app = builder.Build();
        app.MapHub<EventHub>("/hub");
        app.MapGet("/health", static () => Results.Ok());
        app.MapPost("/publish", static (JsonElement message, IHubContext<EventHub> hub) =>
        {
            // Not awaited: the answer would come after the slowest viewer's write, and the publisher is to be open-loop.
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
