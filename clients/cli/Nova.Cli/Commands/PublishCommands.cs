using System.CommandLine;
using Nova.Cli.Output;
using Nova.Client;
using Nova.Protocol;
using Spectre.Console;

namespace Nova.Cli.Commands;

/// <summary>The publisher's calls, one command each.</summary>
internal static class PublishCommands
{
    public static Command CreateStream()
    {
        var title = new Argument<string>("title") { Description = "What viewers read first" };
        var description = new Option<string?>("--description") { Description = "More about the broadcast" };
        var name = new Option<string?>("--broadcaster-name") { Description = "The name that viewers see" };
        var visibility = Shared.Choice("--visibility", "Who may watch", StreamVisibility.Public);
        var start = new Option<bool>("--start") { Description = "Start it at once, 1080p at 5000 kbps" };
        var command = new Command("create", "Schedule a broadcast, and print its id.") { title, description, name, visibility, start };
        command.Runs(async context =>
        {
            using var publisher = context.Publisher();
            var stream = await publisher.CreateAsync(
                new CreateStream(context.Arguments.GetValue(title)!, context.Arguments.GetValue(description), context.Arguments.GetValue(name), context.Arguments.GetValue(visibility)), context.Stop);
            if (context.Arguments.GetValue(start))
            {
                stream = await publisher.StartAsync(stream.StreamId, new StartStream(StreamQuality.P1080, 60, 5000), cancellationToken: context.Stop);
            }

            Screen.WriteLine(context.Screen.IsJson ? Screen.ToJson(stream) : $"{stream.StreamId}"); // Only the id, for id=$(nova create …).
            return ExitCodes.Ok;
        });
        return command;
    }

    public static Command Start()
    {
        var quality = Shared.Choice("--quality", "What viewers get", StreamQuality.P1080);
        var fps = new Option<int>("--fps") { Description = "Frames per second", DefaultValueFactory = _ => 60 };
        var bitrate = new Option<int>("--bitrate") { Description = "In kbps", DefaultValueFactory = _ => 5000 };
        var most = new Option<int?>("--max-bitrate") { Description = "What health is measured against, in kbps" };
        return Of("start", "Begin the broadcast.", async (publisher, id, context) => await publisher.StartAsync(
            id, new StartStream(context.Arguments.GetValue(quality), context.Arguments.GetValue(fps), context.Arguments.GetValue(bitrate), context.Arguments.GetValue(most)), cancellationToken: context.Stop),
            quality, fps, bitrate, most);
    }

    public static Command Quality()
    {
        var quality = new Argument<StreamQuality>("quality") { HelpName = "quality", Description = WireNames<StreamQuality>.Choices, CustomParser = result => Shared.ReadChoice<StreamQuality>(result, "quality") };
        var bitrate = new Argument<int>("kbps") { Description = "The new bitrate in kbps" };
        var reason = Shared.Choice("--reason", "Why it changes", QualityChangeReason.BroadcasterChanged);
        var fps = new Option<int?>("--fps") { Description = "Frames per second; as before by default" };
        return Of("quality", "Change the quality.", async (publisher, id, context) => await publisher.ChangeQualityAsync(
            id, new ChangeQuality(context.Arguments.GetValue(quality), context.Arguments.GetValue(bitrate), context.Arguments.GetValue(reason), context.Arguments.GetValue(fps)), cancellationToken: context.Stop),
            quality, bitrate, reason, fps);
    }

    public static Command Bitrate()
    {
        var bitrate = new Argument<int>("kbps") { Description = "Measured now, in kbps" };
        return Of("bitrate", "Report a measured bitrate; viewers get the newest at most every 5 s.", async (publisher, id, context) =>
        {
            await publisher.ReportBitrateAsync(id, context.Arguments.GetValue(bitrate), context.Stop);
            return null;
        }, bitrate);
    }

    public static Command Error()
    {
        var code = new Argument<string>("code") { Description = "Such as BUFFER_OVERFLOW, or one of your own" };
        var message = new Option<string>("--message") { Description = "What happened", DefaultValueFactory = _ => "Something went wrong" };
        var action = new Option<string>("--action") { Description = "What viewers can do", DefaultValueFactory = _ => "None" };
        var severity = Shared.Choice("--severity", "How bad it is", ErrorSeverity.Warning);
        var fatal = new Option<bool>("--unrecoverable") { Description = "Viewers cannot go on without reconnecting" };
        return Of("error", "Broadcast an error.", async (publisher, id, context) =>
        {
            var error = new PublishError(
                context.Arguments.GetValue(code)!, context.Arguments.GetValue(message)!, context.Arguments.GetValue(severity), !context.Arguments.GetValue(fatal), context.Arguments.GetValue(action)!);
            await publisher.PublishErrorAsync(id, error, cancellationToken: context.Stop);
            return null;
        }, code, message, action, severity, fatal);
    }

    public static Command End()
    {
        var reason = Shared.Choice("--reason", "Why it is over", EndReason.BroadcasterEnded);
        return Of("end", "End the broadcast, for good.", async (publisher, id, context) => await publisher.EndAsync(id, context.Arguments.GetValue(reason), cancellationToken: context.Stop), reason);
    }

    public static Command Kick()
    {
        var viewer = new Argument<Guid>("viewer") { Description = "The viewer's id, as in its connection_established", CustomParser = result => Shared.ReadId(result, "viewer") };
        return Of("kick", "Close a viewer's sockets and refuse it for ten minutes.", async (publisher, id, context) =>
        {
            await publisher.KickAsync(id, context.Arguments.GetValue(viewer), context.Stop);
            return null;
        }, viewer);
    }

    /// <param name="call">The stream as it is afterwards; null where the call does not answer it.</param>
    private static Command Of(string name, string description, Func<NovaPublisher, Guid, CommandContext, Task<StreamResource?>> call, params Symbol[] symbols)
    {
        var stream = Shared.StreamId();
        var command = new Command(name, description) { stream };
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument)
            {
                command.Add(argument);
            }
            else
            {
                command.Add((Option)symbol);
            }
        }

        command.Runs(async context =>
        {
            using var publisher = context.Publisher("operator"); // Of streams of anybody, as far as the profile's token allows.
            var id = context.Arguments.GetValue(stream);
            var changed = await call(publisher, id, context) ?? await publisher.GetAsync(id, context.Stop);
            context.Screen.Write(changed, $"{Words.Plain(changed.Title).EscapeMarkup()}: {Words.Of(changed.Status)}, {Words.Of(changed.Quality)} at {changed.BitrateKbps} kbps, {changed.ViewerCount} viewers");
            return ExitCodes.Ok;
        });
        return command;
    }
}
