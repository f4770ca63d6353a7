using System.CommandLine;
using Nova.LoadTest.Systems.Peers;

namespace Nova.LoadTest.Commands;

/// <summary><c>serve-signalr</c>: runs the SignalR peer, in its own process.</summary>
internal static class ServeSignalRCommand
{
    public static Command Create()
    {
        var port = new Option<int>("--port") { Required = true };
        var command = new Command("serve-signalr", "Runs the SignalR peer.") { port };
        command.Hidden = true;
        command.SetAction((arguments, cancellationToken) => SignalRServer.RunAsync(arguments.GetValue(port), cancellationToken));
        return command;
    }
}
